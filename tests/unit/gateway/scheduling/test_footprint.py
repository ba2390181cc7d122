"""What a variant is expected to take: computed, unless measured to take more."""

from pathlib import Path

import msgspec
import pytest

from backends.external.args import ExternalArgs
from gateway.catalog.profile import Footprint, Variant
from gateway.scheduling.footprint import Footprints, hash_of
from tests.fakes.disk import full_disk


def variant(*, slots: int = 1, weights: int = 100) -> Variant:
    return Variant(
        name="only",
        engine=ExternalArgs(command=("serve",), slots=slots),
        footprint=Footprint(weights_bytes=weights, kv_bytes=20, compute_bytes=3),
    )


def test_it_is_what_the_profile_computes_until_it_was_measured_to_be_more(tmp_path: Path) -> None:
    book = Footprints(tmp_path / "footprints.json")
    assert book.expected("m:only", variant()) == 123
    book.record("m:only", variant(), 200)
    assert book.expected("m:only", variant()) == 200
    book.record("m:only", variant(), 150)
    assert book.expected("m:only", variant()) == 200, "a peak stays one"
    book.record("m:only", variant(), 90)
    assert book.expected("other:only", variant()) == 123


def test_a_measurement_below_the_computed_size_is_not_believed(tmp_path: Path) -> None:
    book = Footprints(tmp_path / "footprints.json")
    book.record("m:only", variant(), 50)
    assert book.expected("m:only", variant()) == 123


def test_it_is_known_to_the_next_gateway(tmp_path: Path) -> None:
    Footprints(tmp_path / "footprints.json").record("m:only", variant(), 200)
    assert Footprints(tmp_path / "footprints.json").expected("m:only", variant()) == 200
    assert [path.name for path in tmp_path.iterdir()] == ["footprints.json"]


def test_other_arguments_are_another_footprint(tmp_path: Path) -> None:
    book = Footprints(tmp_path / "footprints.json")
    book.record("m:only", variant(slots=8), 200)
    assert book.expected("m:only", variant(slots=1)) == 123
    assert hash_of(variant(slots=8)) == hash_of(variant(slots=8, weights=7)) != hash_of(variant(slots=1))


@pytest.mark.parametrize("rubbish", [b"", b"{", b'{"a": "b"}', b"[]", b"\xff"])
def test_a_damaged_book_is_an_empty_one_and_is_written_anew(rubbish: bytes, tmp_path: Path) -> None:
    path = tmp_path / "footprints.json"
    path.write_bytes(rubbish)
    book = Footprints(path)
    assert book.expected("m:only", variant()) == 123
    book.record("m:only", variant(), 200)
    assert list(msgspec.json.decode(path.read_bytes()).values()) == [200]


def test_a_full_disk_costs_the_memory_of_it_only(tmp_path: Path) -> None:
    book = Footprints(tmp_path / "footprints.json")
    with full_disk():
        book.record("m:only", variant(), 200)
    assert book.expected("m:only", variant()) == 200
    assert not (tmp_path / "footprints.json").exists()
