"""Lengths that models make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.catalog.clip_length import nearest, snap_frames
from gateway.catalog.profile import Clip

WAN = Clip(frames=81, every=4, plus=1, least_frames=5, most_frames=121, fps=16)
ALLEGRO = Clip(frames=88, every=88, least_frames=88, most_frames=88, fps=15)


@pytest.mark.parametrize(
    ("seconds", "fps", "frames"),
    [(None, None, 81), (5, None, 81), (5.1, None, 81), (1, None, 17), (2, 8, 17), (0.01, None, 5), (60, None, 121)],
)
def test_the_nearest_length(seconds: float | None, fps: float | None, frames: int) -> None:
    assert snap_frames(seconds, fps, WAN) == frames


def test_a_model_of_one_length_has_that() -> None:
    assert {snap_frames(seconds, None, ALLEGRO) for seconds in (None, 0.1, 5, 100)} == {88}


@given(st.floats(0, 1e6), st.integers(1, 40), st.integers(0, 8), st.integers(0, 10), st.integers(0, 50), st.data())
def test_what_is_made_is_allowed_and_nothing_allowed_is_nearer(
    wish: float, every: int, plus: int, least: int, more: int, data: st.DataObject
) -> None:
    allowed = [n * every + plus for n in range(least, least + more + 1) if n * every + plus > 0]
    if not allowed:
        return
    clip = Clip(
        frames=allowed[0], every=every, plus=plus, least_frames=allowed[0], most_frames=allowed[-1], fps=8
    )  # fmt: skip
    made = nearest(wish, clip)
    assert made in allowed
    assert abs(made - wish) <= min(abs(each - wish) for each in allowed) + 1e-6
    assert nearest(made, clip) == made
