"""A key gets another name wherever it is one, in bytes that are passed on in any pieces."""

import json
import time
from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.translate.renamed_key import RenamedKey, Renaming

NAMES = Renaming("reasoning", "reasoning_content")
_TEXT = st.one_of(
    st.sampled_from(['"reasoning":', '{"reasoning":"', ',"reasoning":', '\\"reasoning\\":', "\\", '"', "reasoning"]),
    st.text(max_size=20),
)
_SAID = st.fixed_dictionaries(
    {}, optional={"role": st.just("assistant"), "content": _TEXT, "reasoning": _TEXT, "tool": st.lists(_TEXT)}
)


def events(said: list[dict], key: str) -> bytes:
    """A stream as vLLM writes it; its thoughts under ``key``."""
    renamed = [{key if name == "reasoning" else name: value for name, value in one.items()} for one in said]
    chunks = [
        msgspec.json.encode({"id": "c", "choices": [{"index": 0, "delta": one}], "usage": None}) for one in renamed
    ]
    return b"".join(b"data: " + chunk + b"\n\n" for chunk in [*chunks, b"[DONE]"])


def passed(data: bytes, cuts: list[int]) -> bytes:
    stream = RenamedKey(NAMES)
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    told = [stream.feed(data[a:b]) for a, b in pairwise(places)]
    return b"".join(told) + stream.feed(b"", last=True)


@given(st.lists(_SAID, max_size=5), st.lists(st.integers(0, 4000), max_size=40))
def test_any_split_of_any_stream_gives_the_same_bytes_and_touches_keys_only(said, cuts):
    assert passed(events(said, "reasoning"), cuts) == events(said, "reasoning_content")


@given(_SAID, st.sampled_from([None, 1]))
def test_a_whole_answer(said, indent):
    message = {"id": "c", "choices": [{"message": said, "finish_reason": "stop"}]}
    told = json.loads(NAMES.whole(json.dumps(message, indent=indent).encode()))
    assert told["choices"][0]["message"] == {
        "reasoning_content" if name == "reasoning" else name: value for name, value in said.items()
    }


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=20))
def test_nothing_is_lost_of_what_is_no_json(data, cuts):
    once = RenamedKey(NAMES)
    assert passed(data, cuts) == once.feed(data) + once.feed(b"", last=True)


@pytest.mark.parametrize("key", ["reasoning_tokens", "xreasoning", "reasonings"])
def test_other_keys_stay(key):
    data = b'{"%b":1,"a":{"%b":2}}' % (key.encode(), key.encode())
    assert NAMES.whole(data) == data


def test_whole_lines_are_never_kept_back():
    stream = RenamedKey(NAMES)
    event = b'data: {"choices":[{"delta":{"reasoning":"a"}}]}\n\n'
    assert stream.feed(event) == event.replace(b"reasoning", b"reasoning_content")


def test_a_chunk_costs_next_to_nothing():
    event = events([{"reasoning": " therefore"}], "reasoning").split(b"\n\n")[0] + b"\n\n"
    event = event.replace(b'"c"', b'"chatcmpl-8264c433595a2d36","object":"chat.completion.chunk","created":1795969856')
    stream, body = RenamedKey(NAMES), event.removeprefix(b"data: ")
    pairs = [(_seconds(lambda: stream.feed(event)), _seconds(lambda: json.loads(body))) for _ in range(20)]
    ours, parsing = (min(times) for times in zip(*pairs, strict=True))
    assert ours < parsing, f"{ours / parsing:.2f} of only parsing it (it is about 0.5)"


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    for _ in range(1000):
        work()
    return time.process_time() - begun
