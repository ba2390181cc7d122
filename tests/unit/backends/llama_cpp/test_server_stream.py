"""Pieces out of the events of llama.cpp's server, over a real Unix socket."""

import asyncio
import json
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from backends.errors import BackendError, Cause
from backends.llama_cpp.worker.llama_server.client import Connection
from backends.llama_cpp.worker.llama_server.gate import Gate
from backends.llama_cpp.worker.llama_server.stream import ServerStream
from backends.llama_cpp.worker.runtime import Generation, SamplingParams

SAMPLING = SamplingParams(temperature=0.0, top_k=0, top_p=1.0, min_p=0.0, seed=1, logit_bias=((5, -1.0),))
SCORE = {"id": 4, "bytes": [97], "logprob": -0.5, "top_logprobs": [{"id": 4, "bytes": [97], "logprob": -0.5}] * 3}


@asynccontextmanager
async def server(events, status=b"200 OK"):
    """Answers each call with ``events`` and closes; yields (path of its socket, bodies it was sent)."""
    bodies = []

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
        bodies.append(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 " + status + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
        for event in events:
            data = (
                b"data: " + json.dumps(event).encode() + b"\n\n" if status[:3] == b"200" else json.dumps(event).encode()
            )
            writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        writer.write(b"0\r\n\r\n")
        writer.close()

    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        path = str(Path(directory) / "s")
        async with await asyncio.start_unix_server(answer, path):
            yield path, bodies


async def texts(tokens):
    return [b"<%d>" % token for token in tokens]


def stream(path, gate, **fields):
    generation = Generation(prompt=[1, 2], max_tokens=9, sampling=SAMPLING, **fields)
    return ServerStream(generation, Connection(path), texts, gate.enter())


async def test_pieces_and_the_request_that_brings_them():
    events = [
        {"prompt_progress": {"cache": 2}},
        {"content": "a", "tokens": [4], "tokens_predicted": 1, "completion_probabilities": [SCORE]},
        {"content": "é", "tokens": [5, 6], "tokens_predicted": 3},
        {"content": "", "tokens_predicted": 4, "stop": True, "stop_type": "eos"},
    ]
    gate = Gate(slots=1, queue=0)
    async with server(events) as (path, bodies):
        one = stream(path, gate, top_logprobs=2, shown=frozenset({8, 7}), grammar='root ::= "a"')
        pieces = [piece async for piece in one]
    assert [(piece.token, piece.text, piece.finish, piece.count) for piece in pieces] == [
        (4, b"a", "", 1),
        (6, "é".encode(), "", 2),
        (-1, b"", "stop", 1),
    ]
    assert one.cached_tokens == 2
    assert (pieces[0].score.chosen.text, len(pieces[0].score.top)) == (b"a", 2)
    assert pieces[1].score is None
    sent = bodies[0]
    assert (sent["prompt"], sent["n_predict"], sent["n_probs"], sent["grammar"]) == ([1, 2], 9, 2, 'root ::= "a"')
    assert (sent["preserved_tokens"], sent["logit_bias"]) == (["<7>", "<8>"], [[5, -1.0]])
    gate.enter()


async def test_a_limit():
    async with server([{"content": "a", "tokens": [4], "stop": True, "stop_type": "limit"}]) as (path, bodies):
        pieces = [piece async for piece in stream(path, Gate(slots=1, queue=0))]
    assert pieces[0].finish == "length"
    assert bodies[0].get("n_probs", 0) == 0


async def test_an_answer_without_an_end_is_broken_and_frees_its_slot():
    gate = Gate(slots=1, queue=0)
    async with server([{"content": "a", "tokens": [4], "tokens_predicted": 1}]) as (path, _):
        with pytest.raises(BackendError) as caught:
            [piece async for piece in stream(path, gate)]
    assert caught.value.cause is Cause.STREAM_BROKEN
    gate.enter()


@pytest.mark.parametrize(
    ("status", "kind", "cause"),
    [
        (b"400 Bad", "exceed_context_size_error", Cause.CONTEXT_LENGTH),
        (b"400 Bad", "invalid_request_error", Cause.INVALID_REQUEST),
        (b"500 No", "server_error", Cause.INTERNAL),
    ],
)
async def test_a_refusal(status, kind, cause):
    async with server([{"error": {"message": "no", "type": kind}}], status) as (path, _):
        with pytest.raises(BackendError) as caught:
            [piece async for piece in stream(path, Gate(slots=1, queue=0))]
    assert caught.value.cause is cause


async def test_a_server_that_is_gone():
    with pytest.raises(BackendError) as caught:
        [piece async for piece in stream("/tmp/none/s", Gate(slots=1, queue=0))]
    assert caught.value.cause is Cause.UPSTREAM_CONNECT


async def test_who_is_cancelled_in_the_line_leaves_it():
    gate = Gate(slots=1, queue=1)
    gate.enter()
    one = stream("/tmp/none/s", gate)
    one.cancel()
    assert gate.waiting == 0
    with pytest.raises(asyncio.CancelledError):
        [piece async for piece in one]
