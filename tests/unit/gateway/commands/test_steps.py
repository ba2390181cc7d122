"""Progress on a terminal and where nobody watches; sizes for people."""

import io

import pytest
from rich.console import Console

from gateway.commands.sizes import size
from gateway.commands.steps import FileBars, StepLine


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100)


def test_files_in_plain_lines():
    plain = console(terminal=False)
    with FileBars(plain) as bars:
        for done in range(0, 101, 10):
            bars("a.gguf", done * 10**6, 100 * 10**6)
        bars("b.gguf", 5 * 10**6, 0)
    lines = plain.file.getvalue().splitlines()
    assert lines[0] == "a.gguf: 0% of 100 MB"
    assert "a.gguf: 100% of 100 MB" in lines
    assert "b.gguf: 5 MB" in lines
    assert len(lines) < 6


def test_files_as_bars():
    shown = console(terminal=True)
    with FileBars(shown) as bars:
        bars("a.gguf", 50 * 10**6, 100 * 10**6)
        bars("a.gguf", 100 * 10**6, 100 * 10**6)
    assert "a.gguf" in shown.file.getvalue()
    assert "100.0/100.0 MB" in shown.file.getvalue()


def test_the_terminal_is_left_alone_until_there_is_a_bar():
    shown = console(terminal=True)
    with FileBars(shown) as bars:
        assert shown.file.getvalue() == ""  # pip draws here meanwhile
        bars("a.gguf", 1, 2)
    assert shown.file.getvalue() != ""
    with FileBars(still := console(terminal=True)):
        pass
    assert still.file.getvalue() == ""


def test_steps_in_plain_lines_say_tenths_only():
    plain = console(terminal=False)
    with StepLine(plain) as line:
        line("begin")
        for percent in range(101):
            line(f"compiling: {percent} %", percent / 100)
    assert plain.file.getvalue().splitlines()[:2] == ["begin", "compiling: 0 %"]
    assert len(plain.file.getvalue().splitlines()) == 12


def test_steps_as_a_bar():
    shown = console(terminal=True)
    with StepLine(shown) as line:
        line("begin")
        line("compiling: 50 %", 0.5)
        line("compiling: 100 %", 1.0)
    assert "compiling: 100 %" in shown.file.getvalue()


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB"), (3 << 40, "3.0 TiB")]
)
def test_sizes(count, text):
    assert size(count) == text
