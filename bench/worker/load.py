"""The load: chats streamed at once, each with words of its own, each to the same number of tokens."""

import asyncio
import json
import random
import time

from msgspec import Struct

from bench.worker.subjects import Subject

TOKENS = 128
_END = {"0": -100, "2": -100}
"""SmolLM2's tokens that end an answer: forbidden, so that every server does the same work."""
_WORDS = (
    "river",
    "dam",
    "lake",
    "rain",
    "snow",
    "mill",
    "wheel",
    "stone",
    "bridge",
    "boat",
    "fish",
    "reed",
    "bank",
    "tide",
)


class Figures(Struct, frozen=True):
    """``first`` are seconds to the first token, one a chat; ``tokens`` of all chats in ``wall`` and ``cpu`` seconds."""

    tokens: int
    wall: float
    cpu: float
    first: list[float]


async def measure(subject: Subject, chats: int, seed: int) -> Figures:
    """``chats`` at once. A chat before that warms the server up and does not count."""
    chance = random.Random(seed)
    await _chat(subject, _body(chance, 4))
    before, begin = subject.cpu(), time.perf_counter()
    done = await asyncio.gather(*(_chat(subject, _body(chance, TOKENS)) for _ in range(chats)))
    wall, cpu = time.perf_counter() - begin, subject.cpu() - before
    return Figures(sum(count for count, _ in done), wall, cpu, [first for _, first in done])


def _body(chance: random.Random, tokens: int) -> dict[str, object]:
    story = " ".join(chance.choice(_WORDS) for _ in range(6))
    return {
        "model": "m",
        "messages": [{"role": "user", "content": f"Write a long story with these words: {story}"}],
        "temperature": 0,
        "max_tokens": tokens,
        "stream": True,
        "logit_bias": _END,
    }


async def _chat(subject: Subject, body: dict[str, object]) -> tuple[int, float]:
    """(tokens, seconds to the first)."""
    begin, first, count = time.perf_counter(), 0.0, 0
    async with subject.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        if answer.status_code != 200:
            raise RuntimeError(f"{subject.name}: {(await answer.aread())[:300]!r}")
        async for line in answer.aiter_lines():
            if not line.startswith("data: {"):
                continue
            choices = json.loads(line.removeprefix("data: ")).get("choices")
            if choices and choices[0]["delta"].get("content"):
                count += 1
                first = first or time.perf_counter() - begin
    if count < TOKENS // 2 and body["max_tokens"] == TOKENS:
        raise RuntimeError(f"{subject.name} gave {count} tokens only")
    return count, first
