"""`forebay simulate` as a user runs it, with the trace of the page about planning."""

import re
from pathlib import Path

import msgspec
from click.testing import CliRunner, Result

from gateway.cli import main
from gateway.scheduling.simulate.report import Figures, Report
from tests.tree import text

KEYS = (
    "requests", "served", "refused", "wait_p50", "wait_p95", "wait_p99", "wait_max", "interactive_wait_p95", "swaps",
    "evictions", "bytes_loaded", "busy_share", "overcommit_bytes", "starved",
)  # fmt: skip


def example() -> str:
    (found,) = re.findall(r"```jsonl\n(.*?)```", text("docs/planning.md"), re.DOTALL)
    return found


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(main, ["simulate", *arguments], input=given)


def test_the_page_s_trace_on_one_card(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    path.write_text(example())
    done = run(str(path), "--devices", "1xRTX4090-24,ram=64", "--json")
    assert done.exit_code == 0, done.output
    report = msgspec.json.decode(done.output, type=Report)
    assert report.policy == "forebay"
    assert (report.total.requests, report.total.refused, report.total.swaps) == (4, 0, 0)
    assert report.models["draw"].wait_max == 6.0, "the smaller variant fits beside the chat"
    assert list(report.devices) == ["gpu0", "cpu"]
    assert Figures.__struct_fields__ == KEYS


def test_the_same_on_two_cards_takes_the_better_variant() -> None:
    done = run("-", "--devices", "2xRTX4090-24,ram=64", "--json", given=example())
    report = msgspec.json.decode(done.output, type=Report)
    assert (report.models["draw"].wait_max, report.devices["gpu1"].requests) == (15.0, 1)


def test_people_get_a_table_and_may_compare() -> None:
    done = run("-", "--devices", "24,ram=64", "--compare", given=example())
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.output.splitlines() if line.startswith(("f", "l"))] == [
        "forebay", "fifo-swap", "lru-fit",
    ]  # fmt: skip
    both = run("-", "--devices", "24,ram=64", "--policy", "lru-fit", "--policy", "forebay", "--json", given=example())
    assert [report.policy for report in msgspec.json.decode(both.output, type=list[Report])] == ["lru-fit", "forebay"]


def test_models_of_the_catalog_need_no_header() -> None:
    line = '{"at": 0, "model": "smollm2-135m", "seconds": 3}'
    done = run("-", "--devices", "ram=8", "--json", given=line)
    assert done.exit_code == 0, done.output
    report = msgspec.json.decode(done.output, type=Report)
    assert report.devices["cpu"].served == 1
    assert report.total.bytes_loaded > 90_000_000


def test_mistakes_are_sentences() -> None:
    for arguments, given, words in (
        (
            ("-", "--devices", "24"),
            '{"at": 0, "model": "nobody", "seconds": 1}',
            "line 1 of the trace: no model 'nobody'",
        ),
        (("-", "--devices", "much"), example(), "'much' describes no machine: write it like"),
        (("/nowhere/day.jsonl", "--devices", "24"), None, "No such file"),
        (("-",), example(), "Missing option '--devices'"),
    ):
        done = run(*arguments, given=given)
        assert done.exit_code != 0
        assert words in done.output
        assert "Traceback" not in done.output
