"""Traces: what is read, what is filled in, and mistakes by their line."""

import pytest

from backends.errors import BackendError
from gateway.scheduling.device_spec import parse
from gateway.scheduling.simulate.population import targets
from gateway.scheduling.simulate.trace import ModelSpec, VariantSpec, read

GIB = 1024**3
HEADER = b'{"models": {"a": {"kind": "chat", "variants": [{"name": "q4", "device_bytes": 10, "load_seconds": 3}]}}}'
KNOWN = ModelSpec(kind="video", variants=(VariantSpec(name="only", device_bytes=GIB, load_seconds=9),))


def nothing(name: str) -> ModelSpec | None:
    return None


def test_a_trace_stands_alone_and_is_put_in_order() -> None:
    lines = [HEADER, b'{"at": 5, "model": "a", "seconds": 1}', b"", b'{"at": 2, "model": "a", "seconds": 1.5}']
    trace = read(lines, nothing)
    assert [request.at for request in trace.requests] == [2, 5]
    assert trace.models["a"].requests_at_once == 8
    assert trace.requests[0].priority is None


def test_models_of_the_catalog_are_taken_when_the_header_has_none() -> None:
    trace = read([b'{"at": 0, "model": "film", "seconds": 60}'], {"film": KNOWN}.get)
    assert trace.models == {"film": KNOWN}
    assert KNOWN.requests_at_once == 1


def test_the_header_goes_before_the_catalog_and_unused_models_are_left_out() -> None:
    two = HEADER.replace(
        b'"a": {', b'"unused": {"variants": [{"name": "x", "device_bytes": 1, "load_seconds": 1}]}, "a": {'
    )
    trace = read([two, b'{"at": 0, "model": "a", "seconds": 1}'], {"a": KNOWN}.get)
    assert list(trace.models) == ["a"]
    assert trace.models["a"].variants[0].name == "q4"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "line 1 of the trace: the trace has no requests"),
        ([HEADER], "the trace has no requests"),
        ([HEADER, b"{}"], "line 2 of the trace: Object missing required field `at`"),
        ([HEADER, b"", b"nonsense"], "line 3 of the trace: JSON is malformed"),
        ([b'{"at": 0, "model": "b", "seconds": 1}'], "line 1 of the trace: no model 'b'"),
        ([b'{"at": -1, "model": "a", "seconds": 1}'], ">= 0"),
        ([b'{"at": 0, "model": "a", "seconds": 1, "user": "x"}'], "unknown field `user`"),
        ([HEADER, b'{"at": 0, "model": "a", "seconds": 1, "priority": "high"}'], "Invalid enum value 'high'"),
        ([HEADER.replace(b'"q4"', b"4")], "line 1 of the trace: Expected `str`, got `int`"),
        ([b'{"models": {"a": {"variants": []}}}'], "line 1 of the trace"),
    ],
)
def test_a_mistake_is_named_by_its_line(lines: list[bytes], words: str) -> None:
    with pytest.raises(BackendError) as wrong:
        read(lines, nothing)
    assert words in wrong.value.detail


def test_language_models_may_be_split_pipelines_not() -> None:
    variant = b'{"variants": [{"name": "x", "device_bytes": 40, "load_seconds": 1}]'
    image = variant + b', "kind": "image", "sleep_wake_seconds": 2}'
    header = b'{"models": {"a": ' + variant + b'}, "i": ' + image + b"}}"
    requests = [b'{"at": 0, "model": "a", "seconds": 1}', b'{"at": 0, "model": "i", "seconds": 1}']
    trace = read([header, *requests], nothing)
    found = targets(trace, parse("2xA-24,ram=64"))
    ((chat,), (image,)) = found["a"], found["i"]
    assert (chat.split, chat.sleep, chat.slots) == (2, None, 8)
    assert (image.split, image.slots) == (1, 1)
    assert image.sleep is not None
    assert (image.sleep.wake_seconds, image.sleep.host_bytes) == (2, 40)
