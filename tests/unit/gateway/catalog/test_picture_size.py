"""Sizes that a model makes, from whatever a client asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.picture_size import snap
from gateway.catalog.profile import Picture

FLUX = Picture(width=1024, height=1024, multiple=16, least_side=256, most_side=2048, most_pixels=2_097_152, steps=28)


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        (None, (1024, 1024)),
        ((1024, 1024), (1024, 1024)),
        ((1000, 1000), (1008, 1008)),
        ((1536, 1024), (1536, 1024)),
        ((1, 1), (256, 256)),
        ((100, 50), (512, 256)),
        ((4096, 4096), (1440, 1440)),
        ((4096, 2048), (2048, 1024)),
        ((16_000, 16), (2048, 256)),
    ],
)
def test_the_nearest_that_is_allowed(asked: tuple[int, int] | None, made: tuple[int, int]) -> None:
    assert snap(asked, FLUX) == made


@given(
    st.integers(1, 16_384),
    st.integers(1, 16_384),
    st.sampled_from([1, 8, 16, 32, 64]),
    st.sampled_from([64, 256]),
    st.sampled_from([512, 1536, 4096]),
    st.sampled_from([262_144, 1_048_576, 4_194_304]),
)
def test_always_within_the_limits_and_stable(
    width: int, height: int, multiple: int, least: int, most: int, pixels: int
) -> None:
    picture = Picture(steps=1, multiple=multiple, least_side=least, most_side=most, most_pixels=pixels)
    made = snap((width, height), picture)
    assert all(side % multiple == 0 and least <= side <= most for side in made)
    assert made[0] * made[1] <= pixels
    assert snap(made, picture) == made
    if width >= height:
        assert made[0] >= made[1]


@given(st.integers(256, 2048), st.integers(256, 2048), st.sampled_from([1, 8, 16, 64]))
def test_what_is_within_the_limits_moves_by_less_than_a_multiple(width: int, height: int, multiple: int) -> None:
    picture = Picture(steps=1, multiple=multiple, least_side=256, most_side=2048, most_pixels=2048 * 2048)
    made = snap((width, height), picture)
    assert abs(made[0] - width) < max(1, multiple)
    assert abs(made[1] - height) < max(1, multiple)
