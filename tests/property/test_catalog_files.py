"""Whatever a profile file holds, reading it ends in a profile or in problems with a place, never in an exception."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.catalog.check import check
from gateway.catalog.load import parse
from gateway.catalog.problem import Problem
from tests.unit.gateway.catalog.samples import BETA, CHAT, PICTURE

RELAXED = settings(deadline=None)  # a busy machine is no failure
GOOD = st.sampled_from([CHAT, BETA, PICTURE])
PIECES = st.sampled_from(
    ["{", "}", "[", "]", ": ", "- ", "? ", "&a ", "*a ", "!!x ", "<<: ", "|\n", ">-\n", "'", '"', "#", "%YAML 1.2\n",
     "---\n", "...\n", "\t", "\x00", "\ufeff", "\u2028", "\x85", ".nan", "-.inf", "9" * 5000, "1e9999", "0x1F", "~",
     "\n", " " * 40, "[" * 500, "{a: " * 200, "- " * 300, "true", "null", "💥", "²", "٣"]
)  # fmt: skip


def settled(data: bytes) -> list[Problem]:
    document, problems = parse("alpha.yaml", data)
    lines = data.count(b"\n") + data.count(b"\r") + data.count(b"\xc2\x85") + data.count(b"\xe2\x80") + 2
    for problem in problems:
        assert 1 <= problem.line <= lines
        assert problem.column >= 1
        assert str(problem).isprintable()
        assert len(str(problem)) < 1000
    assert (document is None) == bool(problems)
    if document is not None:
        check([document], {"alpha", "beta"})
    return problems


@RELAXED
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    settled(data)


@RELAXED
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    settled(text.encode("utf-8", "surrogatepass"))


@RELAXED
@given(GOOD, st.integers(0, 2000))
def test_truncated(text: str, at: int) -> None:
    settled(text.encode()[:at])


@RELAXED
@given(GOOD, st.integers(0, 2000), PIECES)
@example(CHAT, 60, "\r")
def test_something_put_in(text: str, at: int, piece: str) -> None:
    settled((text[:at] + piece + text[at:]).encode())


@RELAXED
@given(GOOD, st.integers(0, 2000), st.integers(1, 30))
def test_something_cut_out(text: str, at: int, length: int) -> None:
    settled((text[:at] + text[at + length :]).encode())


@RELAXED
@given(GOOD, st.integers(0, 2000), st.integers(0, 255))
def test_a_changed_byte(text: str, at: int, byte: int) -> None:
    data = bytearray(text.encode())
    data[at % len(data)] = byte
    settled(bytes(data))


@RELAXED
@given(GOOD, st.data())
def test_a_value_replaced(text: str, data: st.DataObject) -> None:
    lines = text.splitlines()
    at = data.draw(st.sampled_from([i for i, line in enumerate(lines) if ": " in line and not line.startswith("#")]))
    value = data.draw(st.one_of(PIECES, st.integers().map(str), st.floats().map(str), st.text(max_size=10)))
    lines[at] = lines[at].partition(": ")[0] + ": " + value
    settled("\n".join(lines).encode("utf-8", "surrogatepass"))


@RELAXED
@given(GOOD, st.integers(0, 60), st.sampled_from(["zzzzqq: 1", "? [x]\n: y"]))
def test_an_unknown_top_key_is_found_at_its_line(text: str, at: int, key: str) -> None:
    lines = text.splitlines()
    tops = [i for i, line in enumerate(lines) if line[:1].isalpha()]
    place = tops[at % len(tops)]
    lines.insert(place, key)
    problems = settled("\n".join(lines).encode())
    assert [p.line for p in problems] == [place + 1]
