"""What a variant is expected to take: computed, until a measurement replaces the figure."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from backends.external.args import ExternalArgs
from backends.llama_cpp.args import LlamaCppArgs
from backends.weights.gguf import read_header
from gateway.catalog.profile import Activation, EngineArgs, Footprint, Variant, WeightFile, Weights
from gateway.database import open_database
from gateway.scheduling.demand import Demand
from gateway.scheduling.footprint import Footprints
from gateway.scheduling.heads import Heads
from gateway.scheduling.peaks import Peaks
from tests.fakes.disk import full_disk
from tests.fakes.gguf_file import Shape, write_model

GB = 10**9
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
CARD = "Card 24"


def variant(*, slots: int = 1, weights: int = 100, host: int = 0) -> Variant:
    return Variant(
        name="only",
        engine=ExternalArgs(command=("serve",), slots=slots),
        footprint=Footprint(weights_bytes=weights, kv_bytes=20, compute_bytes=3, host_bytes=host, load_seconds=9.0),
    )


@pytest.fixture
def book() -> Footprints:
    return Footprints(Peaks(lambda: NOW))


@pytest.fixture
def database(tmp_path: Path):
    engine = open_database(tmp_path / "state.db")
    yield engine
    engine.dispose()


def bytes_of(book: Footprints, it: Variant | None = None, **fields) -> int:
    return book.expected("m:only", it or variant(), **fields).device_bytes


def test_it_is_what_the_profile_says_until_it_was_measured_to_be_more(book: Footprints) -> None:
    assert (bytes_of(book), book.expected("m:only", variant()).source) == (123, "declared")
    book.note("m:only", variant(), 200, device=CARD)
    found = book.expected("m:only", variant())
    assert (found.device_bytes, found.source, found.measured_at) == (200, "measured", "2026-11-23T12:00:00+00:00")
    assert sum(term.bytes for term in found.terms) == 123, "the arithmetic stays visible"
    book.note("m:only", variant(), 150, device=CARD)
    assert bytes_of(book) == 200, "a peak stays one"
    assert book.expected("other:only", variant()).device_bytes == 123


@pytest.mark.parametrize(
    ("taken", "peak", "expected"), [(50, False, 123), (122, True, 122), (50, True, 120), (123, True, 123)]
)
def test_a_smaller_figure_is_believed_after_work_only_and_never_below_weights_and_cache(
    book: Footprints, taken: int, peak: bool, expected: int
) -> None:
    book.note("m:only", variant(), taken, device=CARD, peak=peak)
    found = book.expected("m:only", variant())
    assert found.device_bytes == expected
    assert found.source == ("declared" if expected == 123 else "measured")


def test_it_is_known_by_device_and_without_one_the_most_counts(book: Footprints) -> None:
    book.note("m:only", variant(), 200, device=CARD)
    book.note("m:only", variant(), 300, device="Card 48")
    assert bytes_of(book) == 300
    assert bytes_of(book, device=CARD) == 200
    assert bytes_of(book, device="Card 80") == 123


def test_on_the_host_everything_was_measured_together(book: Footprints) -> None:
    both = variant(host=1000)
    book.note("m:only", both, 1200, device="cpu")
    found = book.expected("m:only", both)
    assert (found.device_bytes, found.host_bytes) == (200, 1000)


def test_other_arguments_weights_or_runtimes_are_another_footprint() -> None:
    names = {"now": "a"}
    book = Footprints(Peaks(lambda: NOW), runtime=lambda args: names["now"])
    book.note("m:only", variant(slots=8), 200, device=CARD)
    assert bytes_of(book, variant(slots=1)) == 123
    assert bytes_of(book, variant(slots=8, weights=7)) == 200, "a better guess in the profile changes nothing"
    names["now"] = "b"
    assert bytes_of(book, variant(slots=8)) == 30 + 100 - 7


def test_requests_of_other_sizes_are_measured_apart(book: Footprints) -> None:
    picture = Variant(
        name="only",
        engine=ExternalArgs(command=("serve",)),
        footprint=Footprint(weights_bytes=7 * GB, activation=Activation(family="sdxl")),
    )
    small, large = Demand(width=512, height=512), Demand(width=1024, height=1024)
    computed = bytes_of(book, picture, demand=large)
    assert book.expected("m:only", picture, large).source == "computed"
    assert bytes_of(book, picture, demand=small) < computed == bytes_of(book, picture)
    book.note("m:only", picture, 13 * GB, device=CARD, demand=large, peak=True)
    assert bytes_of(book, picture, demand=Demand(width=1000, height=1040)) == 13 * GB
    assert book.expected("m:only", picture, small).source == "computed"
    assert book.expected("m:only", picture, large).split_overhead_bytes == 1_500_000_000


def test_load_seconds_are_the_profiles_guess_until_observed(book: Footprints) -> None:
    assert book.load_seconds("m:only", variant()) == 9.0
    book.note("m:only", variant(), 500, device=CARD)
    assert book.load_seconds("m:only", variant()) == 9.0
    book.note_load("m:only", variant(), 4.0)
    assert book.load_seconds("m:only", variant()) == 4.0
    book.note_load("m:only", variant(), 2.0)
    assert 2.0 < book.load_seconds("m:only", variant()) < 4.0
    assert bytes_of(book) == 500


def test_it_is_known_to_the_next_gateway(book: Footprints, database: Engine) -> None:
    book.note("m:only", variant(), 190, device=CARD)
    book.load(database)
    book.note("m:only", variant(), 5 * GB, device=CARD, peak=True)
    book.note_load("m:only", variant(), 4.0)
    book.save()
    book.save()
    after = Footprints()
    assert bytes_of(after) == 123
    after.load(database)
    assert (bytes_of(after), after.load_seconds("m:only", variant())) == (5 * GB, 4.0)
    after.note("m:only", variant(), 6 * GB, device=CARD)
    after.save()
    third = Footprints()
    third.note("m:only", variant(), 1, device=CARD)
    third.load(database)
    assert bytes_of(third) == 123, "what this run has measured is not overwritten by what an earlier one had"


def test_a_table_of_another_shape_costs_the_memory_of_it_only(book: Footprints, database: Engine) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE footprints (key TEXT, other TEXT)")
    book.load(database)
    book.note("m:only", variant(), 200, device=CARD)
    book.save()
    assert bytes_of(book) == 200


def test_rubbish_in_a_row_costs_the_memory_of_it_only(book: Footprints, database: Engine) -> None:
    book.load(database)
    with database.begin() as connection:
        connection.exec_driver_sql("INSERT INTO footprints VALUES ('k', 'm:only', 'c', '', 'x', 1, 1, '', 1, 1)")
    after = Footprints()
    after.load(database)
    assert bytes_of(after) == 123


def test_a_database_that_is_none_costs_the_memory_of_it_only(book: Footprints, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a database, whatever its name says" * 100)
    broken = create_engine(f"sqlite:///{tmp_path / 'file'}")
    book.load(broken)
    book.note("m:only", variant(), 200, device=CARD)
    book.save()
    assert bytes_of(book) == 200
    broken.dispose()


def test_what_could_not_be_written_is_written_later(book: Footprints, database: Engine) -> None:
    book.load(database)
    book.note("m:only", variant(), 200, device=CARD)
    with full_disk():
        book.save()
    book.save()
    after = Footprints()
    after.load(database)
    assert bytes_of(after) == 200


def test_a_file_on_this_machine_beats_the_profile(tmp_path: Path) -> None:
    path = write_model(tmp_path / "x.gguf", Shape(experts=4))
    weights = Weights(source="file:x", files=(WeightFile(path="x.gguf", bytes=1),))
    runtime = {"now": "llama_cpp_python"}

    def which(args: EngineArgs) -> str:
        return runtime["now"]

    book = Footprints(heads=Heads(lambda _: (path,)), runtime=which)
    said = Footprint(weights_bytes=10 * GB, kv_bytes=GB, compute_bytes=GB, host_bytes=3)
    it = Variant(name="q", engine=LlamaCppArgs(n_cpu_moe=1), weights=weights, footprint=said)
    assert book.expected("m:q", it).source == "declared"
    book.read_heads([it])
    found = book.expected("m:q", it)
    assert found.source == "computed"
    assert [term.label for term in found.terms] == ["weights", "experts in host RAM", "KV cache", "scratch", "output"]
    header = read_header(path)
    assert found.host_bytes == header.experts_below(1)
    assert found.terms[0].bytes == header.weights_bytes - found.host_bytes
    assert found.device_bytes < 100_000_000
    runtime["now"] = "xllamacpp"
    assert book.expected("m:q", it).device_bytes != found.device_bytes
