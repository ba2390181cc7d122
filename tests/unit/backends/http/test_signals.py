"""What vLLM says of its load: read from its text among a thousand other lines, and never an error."""

import pytest

from backends.contract import Call, Pressure
from backends.errors import BackendError, Cause
from backends.http.reply import WholeReply
from backends.http.signals import parse_pressure, read_pressure
from backends.registry import tells_pressure
from tests.fakes.engine_metrics import vllm_metrics

TEXT = vllm_metrics(running=3, waiting=2, usage=0.625)


def test_what_vllm_says():
    assert parse_pressure(TEXT) == Pressure(
        running=3, waiting=2, cache_usage=0.625, cache_tokens=32768, concurrency=8.0
    )


def test_engines_behind_one_address_are_added_up_but_for_the_fullest_cache():
    second = vllm_metrics(running=1, waiting=4, usage=0.25).replace(b'engine="0"', b'engine="1"')
    both = parse_pressure(TEXT + second)
    assert both == Pressure(running=4, waiting=6, cache_usage=0.625, cache_tokens=65536, concurrency=16.0)


def test_an_engine_without_a_cache_yet_and_one_that_counts_only():
    early = parse_pressure(vllm_metrics(running=0, waiting=0, tokens="None", concurrency="None"))
    assert early == Pressure(running=0, waiting=0)
    counts = b"vllm:num_requests_running 1\nvllm:num_requests_waiting 0\n"
    assert parse_pressure(counts) == Pressure(running=1, waiting=0)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<html>not here</html>",
        b"llamacpp:requests_processing 1\n",
        b"vllm:num_requests_running 1\n",
        TEXT.replace(b"} 3.0", b"} NaN"),
        TEXT.replace(b"} 3.0", b"} -1"),
        TEXT.replace(b"} 3.0", b"} 1e300"),
        TEXT.replace(b"} 3.0", b"} three"),
        TEXT.replace(b'engine="0",model_name="m"} 3', b'engine="0,model_name="m} 3'),
        TEXT.replace(b'model_name="m"} 3.0', b'model_name="\xff"} 3.0'),
    ],
)
def test_anything_else_says_nothing(text):
    assert parse_pressure(text) is None


async def test_it_asks_and_takes_no_for_an_answer():
    asked: list[Call] = []

    async def answers(call: Call) -> WholeReply:
        asked.append(call)
        return WholeReply(200, "text/plain", (), TEXT)

    async def refuses(call: Call) -> WholeReply:
        raise BackendError(Cause.NOT_FOUND, "no such path")

    async def floods(call: Call) -> WholeReply:
        return WholeReply(200, "text/plain", (), TEXT + b"# x\n" * (1 << 20))

    pressure = await read_pressure(answers)
    assert pressure is not None
    assert pressure.running == 3
    assert [(call.method, call.path, call.answer_timeout) for call in asked] == [("GET", "/metrics", 2.0)]
    assert await read_pressure(refuses) is None
    assert await read_pressure(floods) is None


def test_who_is_asked():
    assert [tells_pressure(kind) for kind in ("vllm", "external", "llama_cpp", "diffusers")] == [
        True,
        True,
        False,
        False,
    ]
