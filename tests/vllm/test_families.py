"""A tiny model of every family of the catalog in real vLLM: started, chatted with, made to call a tool, by the gateway.

Two at a time, in the order of the list: a start is mostly one process that imports. What the CPU cannot do is in the
families' own words, and a test fails here when it begins to work.
"""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from msgspec import Struct

from tests.vllm.family_gateway import FamilyGateway, family_gateway
from tests.vllm.tiny.families import FAMILIES
from tests.vllm.tiny.family import Family

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(400)]

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather of a city",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "enum": ["Paris", "Oslo"]},
                "days": {"type": "integer", "enum": [1, 2]},
            },
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
NAMED = {"type": "function", "function": {"name": "weather"}}
SCHEMA = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}, "word": {"type": "string", "maxLength": 4}},
    "required": ["ok", "word"],
    "additionalProperties": False,
}


class Seen(Struct, frozen=True, kw_only=True):
    """What a family answered, each as status and text; all but ``loaded`` are missing when it did not start."""

    loaded: tuple[int, str]
    log: str = ""
    plain: tuple[int, str] = (0, "")
    streamed: tuple[int, str] = (0, "")
    called: tuple[int, str] = (0, "")
    written: tuple[int, str] = (0, "")


@pytest.fixture(scope="module")
def seen(vllm_python, request) -> Iterator[dict[str, Future[Seen]]]:
    """What each family that a chosen test looks at answered, as it comes."""
    mine = [item.callspec.params["family"].name for item in request.session.items if item.path == request.path]
    with family_gateway(vllm_python) as gateway, ThreadPoolExecutor(2) as pool:
        yield {family.name: pool.submit(visit, gateway, family) for family in FAMILIES if family.name in mine}
        pool.shutdown(cancel_futures=True)


def visit(gateway: FamilyGateway, family: Family) -> Seen:
    """Everything that the tests below look at, then its memory is given back."""
    answer = gateway.load(family)
    if answer.status_code != 200:
        return Seen(loaded=(answer.status_code, answer.text), log=gateway.log(family))
    try:
        return Seen(loaded=(200, ""), **{name: (got.status_code, got.text) for name, got in asked(gateway, family)})
    finally:
        gateway.unload(family)


def asked(gateway: FamilyGateway, family: Family):
    if family.template is None:
        prompt = {"model": family.name, "prompt": "def a", "max_tokens": 8}
        yield "plain", gateway.client.post("/v1/completions", json=prompt)
        yield "streamed", gateway.client.post("/v1/completions", json=prompt | {"stream": True})
        return
    yield "plain", gateway.chat(family)
    yield "streamed", gateway.chat(family, stream=True)
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}
    yield "written", gateway.chat(family, response_format=form, max_tokens=200)
    if family.tool_parser is not None:
        yield "called", gateway.chat(family, tools=[TOOL], tool_choice=NAMED, max_tokens=200)


def of(families):
    return pytest.mark.parametrize("family", families, ids=lambda family: family.name)


RUN = [family for family in FAMILIES if family.why_not is None]


@of(RUN)
def test_it_answers(seen, family):
    found = seen[family.name].result()
    assert found.loaded == (200, "")
    assert found.plain[0] == 200, found.plain
    usage = json.loads(found.plain[1])["usage"]
    assert 1 <= usage["completion_tokens"] <= 8


@of(RUN)
def test_a_stream_ends_as_it_should(seen, family):
    status, text = seen[family.name].result().streamed
    assert status == 200, text
    assert text.rstrip().endswith("data: [DONE]")
    assert "finish_reason" in text


@of([family for family in RUN if family.template])
def test_an_answer_keeps_to_its_schema(seen, family):
    status, text = seen[family.name].result().written
    assert status == 200, text
    # Where a string has a length, xgrammar lets control characters in: no model that knows JSON writes them.
    answer = json.loads(json.loads(text)["choices"][0]["message"]["content"], strict=False)
    assert isinstance(answer["ok"], bool)
    assert len(answer["word"]) <= 4
    assert answer.keys() == {"ok", "word"}


def call_of(text: str) -> object:
    """The arguments of the only call; ``None`` when they are none, or no JSON."""
    calls = json.loads(text)["choices"][0]["message"].get("tool_calls") or []
    if [call["function"]["name"] for call in calls] != ["weather"]:
        return None
    try:
        return json.loads(calls[0]["function"]["arguments"])
    except ValueError:
        return None


def is_exact(arguments: object) -> bool:
    return (
        isinstance(arguments, dict)
        and arguments.keys() == {"city", "days"}
        and arguments["city"] in ("Paris", "Oslo")
        and arguments["days"] in (1, 2)
    )


@of([family for family in RUN if family.tool_parser and family.no_call is None])
def test_a_forced_call_is_exact(seen, family):
    status, text = seen[family.name].result().called
    assert status == 200, text
    assert is_exact(call_of(text)), text


@of([family for family in RUN if family.no_call is not None])
def test_a_call_that_cannot_be_forced_still_cannot(seen, family):
    """Weights that know nothing do not call unless they must: an exact call means that vLLM now forces them."""
    status, text = seen[family.name].result().called
    assert status == 200, text
    assert not is_exact(call_of(text)), f"it works now; this is no longer true: {family.no_call}"


@of([family for family in FAMILIES if family.why_not is not None])
def test_what_the_cpu_cannot_run_says_why(seen, family):
    found = seen[family.name].result()
    assert found.loaded[0] != 200, f"it works now; this is no longer true: {family.why_not}"
    assert (found.loaded[0], json.loads(found.loaded[1])["error"]["code"]) == (503, "load_failed")
    assert family.why_not in found.log
