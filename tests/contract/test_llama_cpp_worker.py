"""What both llama.cpp runtimes promise over HTTP: answers, streams, limits, embeddings, refusals."""

import asyncio
import base64
import json
import math
import struct
from typing import Any

import pytest

from tests.llama_cpp_fixtures import Worker, chat_body, text_of, weights, worker

__all__ = ["weights", "worker"]
pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
PICTURE = {"type": "image_url", "image_url": {"url": "x"}}


async def test_a_ready_worker_says_what_it_serves(worker: Worker) -> None:
    health, props = await worker.get("/health"), (await worker.get("/props")).json()
    assert (health.status_code, health.json()) == (200, {"status": "ready"})
    assert props["slots"] == 4
    assert props["slot_context"] == 2048
    assert props["context"] == 8192
    assert props["host_bytes"] > 50_000_000
    assert props["template"]["source"] == "gguf"
    assert props["runtime"] in {"llama-cpp-python", "xllamacpp"}


async def test_stream_and_plain_answer_agree_at_temperature_zero(worker: Worker) -> None:
    plain = await worker.chat(max_tokens=24)
    body = chat_body("What is 2+2?", max_tokens=24, stream_options={"include_usage": True})
    events = await worker.events(CHAT, body)
    assert text_of(events) == plain["choices"][0]["message"]["content"]
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert len({event["id"] for event in events}) == 1
    *chunks, final, usage = events
    assert all(event["usage"] is None for event in [*chunks, final])
    assert final["choices"][0]["finish_reason"] == plain["choices"][0]["finish_reason"]
    assert usage["choices"] == []
    tokens = ("prompt_tokens", "completion_tokens", "total_tokens")
    assert [usage["usage"][name] for name in tokens] == [plain["usage"][name] for name in tokens]
    assert plain["usage"]["total_tokens"] == plain["usage"]["prompt_tokens"] + plain["usage"]["completion_tokens"]


async def test_without_the_option_no_event_speaks_of_usage(worker: Worker) -> None:
    events = await worker.events(CHAT, chat_body("Hi", max_tokens=2))
    assert not any("usage" in event for event in events)
    assert all(event["choices"] for event in events)


async def test_a_limit_of_tokens_ends_an_answer_by_length(worker: Worker) -> None:
    answer = await worker.chat("Tell me a long story.", max_completion_tokens=3, max_tokens=500)
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 3


async def test_choices_differ(worker: Worker) -> None:
    fields = {"temperature": 1.5, "top_k": 0, "top_p": 1, "min_p": 0, "n": 3, "seed": 7, "max_tokens": 12}
    answer = await worker.chat("Write a poem.", **fields)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in answer["choices"]}) == 3
    assert answer["usage"]["completion_tokens"] <= 3 * 12


async def test_a_seed_repeats_an_answer(worker: Worker) -> None:
    """One choice at a time: what else is in a batch changes the last digits of the numbers."""
    fields = {"temperature": 1.5, "top_k": 0, "top_p": 1, "min_p": 0, "seed": 7, "max_tokens": 12}
    await worker.chat("Write a song.", **fields)  # brings the cache into the state that the others find
    first, second = [await worker.chat("Write a song.", **fields) for _ in range(2)]
    other = await worker.chat("Write a song.", **fields | {"seed": 8})
    content = first["choices"][0]["message"]["content"]
    assert content == second["choices"][0]["message"]["content"]
    assert content != other["choices"][0]["message"]["content"]


async def test_choices_of_a_stream_are_told_apart(worker: Worker) -> None:
    events = await worker.events(CHAT, chat_body("Hello", n=2, temperature=1.2, seed=3, max_tokens=6))
    finished = [c["index"] for event in events for c in event["choices"] if c["finish_reason"]]
    assert sorted(finished) == [0, 1]
    assert text_of(events, 0)
    assert text_of(events, 1)


async def test_a_stop_string_ends_the_answer_and_is_not_part_of_it(worker: Worker) -> None:
    whole = (await worker.chat(max_tokens=24))["choices"][0]["message"]["content"]
    middle = len(whole) // 2
    stop = whole[middle : middle + 5]
    before = whole[: whole.index(stop)]
    answer = await worker.chat(max_tokens=24, stop=["never in there", stop])
    assert answer["choices"][0]["message"]["content"] == before
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["choices"][0]["stop_reason"] == stop
    events = await worker.events(CHAT, chat_body("What is 2+2?", max_tokens=24, stop=stop))
    assert text_of(events) == before
    assert events[-1]["choices"][0]["stop_reason"] == stop
    completion = await worker.post(
        COMPLETIONS, {"model": "m", "prompt": "1, 2, 3, 4,", "stop": "7", "max_tokens": 30, "temperature": 0}
    )
    assert "7" not in completion.json()["choices"][0]["text"]


async def test_log_probabilities_of_a_chat(worker: Worker) -> None:
    answer = await worker.chat(max_tokens=4, logprobs=True, top_logprobs=3)
    content = answer["choices"][0]["logprobs"]["content"]
    assert "".join(item["token"] for item in content) == answer["choices"][0]["message"]["content"]
    for item in content:
        assert item["logprob"] <= 0
        assert len(item["top_logprobs"]) == 3
        assert item["top_logprobs"][0]["token"] == item["token"], "at temperature 0 the likeliest token is taken"
        assert bytes(item["bytes"]).decode() == item["token"]
    events = await worker.events(CHAT, chat_body("What is 2+2?", max_tokens=4, logprobs=True))
    streamed = [i for event in events for c in event["choices"] for i in (c["logprobs"] or {}).get("content") or ()]
    assert [item["token"] for item in streamed] == [item["token"] for item in content]
    assert all(item["top_logprobs"] == [] for item in streamed)


async def test_completions_echo_and_several_prompts(worker: Worker) -> None:
    body = {"model": "m", "prompt": ["The capital of France is", "Water is"], "max_tokens": 3, "temperature": 0}
    answer = (await worker.post(COMPLETIONS, body | {"echo": True, "n": 2})).json()
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    assert answer["choices"][0]["text"].startswith("The capital of France is")
    assert answer["choices"][3]["text"].startswith("Water is")
    assert answer["usage"]["completion_tokens"] == 12
    events = await worker.events(COMPLETIONS, body | {"prompt": body["prompt"][0]})
    streamed = "".join(choice["text"] for event in events for choice in event["choices"])
    assert answer["choices"][0]["text"] == "The capital of France is" + streamed
    assert events[-1]["choices"][0]["finish_reason"] == "length"


async def test_log_probabilities_of_a_completion(worker: Worker) -> None:
    body = {"model": "m", "prompt": "The capital of France is", "max_tokens": 4, "temperature": 0, "logprobs": 2}
    choice = (await worker.post(COMPLETIONS, body)).json()["choices"][0]
    scores = choice["logprobs"]
    assert "".join(scores["tokens"]) == choice["text"]
    assert len(scores["tokens"]) == len(scores["token_logprobs"]) == len(scores["top_logprobs"]) == 4
    assert scores["text_offset"][0] == 0
    assert scores["text_offset"][2] == len(scores["tokens"][0]) + len(scores["tokens"][1])
    assert all(scores["tokens"][place] in top for place, top in enumerate(scores["top_logprobs"]))


async def test_a_prompt_of_tokens_is_the_same_as_its_text(worker: Worker) -> None:
    tokens = (await worker.post("/tokenize", {"prompt": "The capital of France is"})).json()
    assert tokens["count"] == len(tokens["tokens"]) > 0
    body = {"model": "m", "max_tokens": 4, "temperature": 0}
    by_text = await worker.post(COMPLETIONS, body | {"prompt": "The capital of France is"})
    by_tokens = await worker.post(COMPLETIONS, body | {"prompt": tokens["tokens"]})
    assert by_text.json()["choices"] == by_tokens.json()["choices"]


async def test_tokenize_counts_what_a_chat_would_cost(worker: Worker) -> None:
    messages = chat_body("How are you, 你好 🎉?")["messages"]
    counted = (await worker.post("/tokenize", {"messages": messages})).json()["count"]
    answer = await worker.chat("How are you, 你好 🎉?", max_tokens=1)
    assert answer["usage"]["prompt_tokens"] == counted
    function = {"name": "look", "description": "Around.", "parameters": {"type": "object", "properties": {}}}
    tools = [{"type": "function", "function": function}]
    for more in ({"tools": tools}, {"tools": tools, "tool_choice": "none"}, {"reasoning_effort": "none"}):
        counted = (await worker.post("/tokenize", {"messages": messages, **more})).json()["count"]
        answer = await worker.chat("How are you, 你好 🎉?", max_tokens=1, **more)
        assert answer["usage"]["prompt_tokens"] == counted, more
    nothing = await worker.post("/tokenize", {})
    assert (nothing.status_code, nothing.json()["error"]["param"]) == (400, "prompt")


async def test_an_answer_goes_on_with_what_the_assistant_began(worker: Worker) -> None:
    whole = await worker.chat("Name three colours.", max_tokens=16)
    text = whole["choices"][0]["message"]["content"]
    begun = text[: len(text) // 2]
    turns = [{"role": "user", "content": "Name three colours."}, {"role": "assistant", "content": begun}]
    body = {"messages": turns, "continue_final_message": True, "add_generation_prompt": False}
    answer = await worker.chat(max_tokens=4, **body)
    assert (begun + answer["choices"][0]["message"]["content"])[: len(begun) + 1] == text[: len(begun) + 1]
    assert (await worker.post("/tokenize", body)).json()["count"] == answer["usage"]["prompt_tokens"]


async def test_the_second_identical_chat_reuses_its_prompt(worker: Worker) -> None:
    content = "Please consider this list of words: " + ", ".join(f"word{number}" for number in range(60))
    first, second = [await worker.chat(content, max_tokens=2) for _ in range(2)]
    usage = second["usage"]
    assert usage["prompt_tokens"] == first["usage"]["prompt_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] >= 0.95 * usage["prompt_tokens"]


async def test_the_next_turn_of_a_chat_computes_only_what_is_new(worker: Worker) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Count: " + " ".join(map(str, range(80)))}]
    first = await worker.chat("", messages=messages, max_tokens=8)
    messages += [first["choices"][0]["message"], {"role": "user", "content": "Go on."}]
    second = await worker.chat("", messages=messages, max_tokens=1)
    assert second["usage"]["prompt_tokens_details"]["cached_tokens"] >= first["usage"]["prompt_tokens"] - 1


async def test_characters_are_never_split(worker: Worker) -> None:
    properties = {"e": {"enum": ["🎉é你好👩‍🚀"]}}
    schema = {"type": "object", "properties": properties, "required": ["e"], "additionalProperties": False}
    form = {"type": "json_schema", "json_schema": {"name": "e", "schema": schema}}
    events = await worker.events(CHAT, chat_body("Emoji please 🎉", response_format=form, max_tokens=80))
    assert "�" not in "".join(json.dumps(event, ensure_ascii=False) for event in events)
    assert json.loads(text_of(events)) == {"e": "🎉é你好👩‍🚀"}


async def test_eight_chats_on_four_slots_all_finish(worker: Worker) -> None:
    fields = {"max_tokens": 12, "logit_bias": {"2": -100, "0": -100}}
    answers = await asyncio.gather(*(worker.chat(f"Tell me about the number {n}.", **fields) for n in range(8)))
    assert [answer["usage"]["completion_tokens"] for answer in answers] == [12] * 8
    await worker.reaches(slots_busy=0, queued=0)


async def test_embeddings_have_length_one_and_come_in_order(worker: Worker) -> None:
    inputs = ["A cat sits on the mat.", "A cat sits on the mat.", "Quarterly tax statements are due."]
    answer = (await worker.post("/v1/embeddings", {"model": "m", "input": inputs})).json()
    vectors = [item["embedding"] for item in answer["data"]]
    assert [item["index"] for item in answer["data"]] == [0, 1, 2]
    assert all(math.isclose(math.hypot(*vector), 1, abs_tol=1e-3) for vector in vectors)
    assert math.dist(vectors[0], vectors[1]) < 0.02 < math.dist(vectors[0], vectors[2])
    assert answer["usage"]["prompt_tokens"] == answer["usage"]["total_tokens"] > 10


async def test_embeddings_as_base64_and_with_fewer_dimensions(worker: Worker) -> None:
    body = {"model": "m", "input": "Hello there"}
    floats = (await worker.post("/v1/embeddings", body)).json()["data"][0]["embedding"]
    encoded = (await worker.post("/v1/embeddings", body | {"encoding_format": "base64"})).json()["data"][0]["embedding"]
    decoded = struct.unpack(f"<{len(floats)}f", base64.b64decode(encoded))
    assert math.dist(decoded, floats) < 0.02
    short = (await worker.post("/v1/embeddings", body | {"dimensions": 8})).json()["data"][0]["embedding"]
    assert len(short) == 8
    assert math.isclose(math.hypot(*short), 1, abs_tol=1e-6)
    refused = await worker.post("/v1/embeddings", body | {"dimensions": 60_000})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "dimensions")


@pytest.mark.parametrize(
    ("path", "body", "param", "code"),
    [
        (CHAT, chat_body("word " * 3000), "messages", "context_length_exceeded"),
        (COMPLETIONS, {"model": "m", "prompt": "word " * 3000}, "prompt", "context_length_exceeded"),
        ("/v1/embeddings", {"model": "m", "input": ["x", "word " * 3000]}, "input[1]", "context_length_exceeded"),
        ("/v1/embeddings", {"model": "m", "input": [49152]}, "input[0]", None),
        (COMPLETIONS, {"model": "m", "prompt": [49152]}, "prompt", None),
        (COMPLETIONS, {"model": "m", "prompt": ""}, "prompt", None),
        (COMPLETIONS, {"model": "m", "prompt": "x", "echo": True, "stream": True}, "echo", None),
        (CHAT, {"model": "m", "messages": []}, "messages", None),
        (CHAT, {"model": "m"}, "messages", None),
        (CHAT, chat_body("hi", temperature=9), "temperature", None),
        (
            CHAT,
            {"model": "m", "messages": [{"role": "user", "content": [PICTURE]}]},
            "messages[0].content[0]",
            None,
        ),
    ],
)
async def test_refusals_name_the_field_before_any_work(
    worker: Worker, path: str, body: dict[str, Any], param: str, code: str | None
) -> None:
    before = await worker.reaches(slots_busy=0)
    answer = await worker.post(path, body)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["param"], error["code"], error["type"]) == (param, code, "invalid_request_error")
    assert error["message"]
    assert await worker.counters() == before


async def test_an_overflow_says_the_numbers(worker: Worker) -> None:
    long = chat_body("word " * 3000)
    count = (await worker.post("/tokenize", {"messages": long["messages"]})).json()["count"]
    message = (await worker.post(CHAT, long)).json()["error"]["message"]
    assert all(str(number) in message for number in (2048, count, count + 1))
    assert "maximum context length" in message, "agents look for these words"


async def test_an_answer_longer_than_what_is_left_is_cut_to_it(worker: Worker) -> None:
    fits = await worker.post(CHAT, chat_body("hi", max_tokens=100_000, stop=["a", "e", "i", "o", "u"]))
    assert fits.status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"model": "\xff"}', b"[" * 100_000, b'{"n": NaN}'])
@pytest.mark.parametrize("path", [CHAT, COMPLETIONS, "/v1/embeddings", "/tokenize"])
async def test_malformed_bodies_are_refused(worker: Worker, path: str, body: bytes) -> None:
    async with worker.client() as client:
        answer = await client.post(path, content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_unknown_paths_and_methods(worker: Worker) -> None:
    assert (await worker.get("/nope")).status_code == 404
    assert (await worker.get(CHAT)).status_code == 405
    assert (await worker.post("/health", {})).status_code == 405
