"""Decides what the next call of the engine computes: one token for each generating sequence, and a share of prompts.

Pure. ``Pace`` keeps a step short, so that a cancelled request stops soon and running streams do not stutter.
"""

from collections.abc import Sequence

from msgspec import Struct

from backends.llama_cpp.worker.batch.slot import Slot

STEP_SECONDS = 0.15
LEAST_CHUNK = 32
LEAST_ALONE = 128
ALONE_SECONDS = 4.0
"""Where nobody's stream stutters, so many tokens in no more than this time: far into a long context small shares cost
several times as much a token, but who comes meanwhile, or leaves, waits for the step."""


class Span(Struct, frozen=True):
    """Compute ``count`` tokens of a slot, beginning at position ``start``; outputs of the last or of every token."""

    slot: int
    start: int
    count: int
    every_output: bool = False


class Pace:
    """How many prompt tokens fit into a step of ``STEP_SECONDS``, learned from the steps so far."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seconds_per_token = STEP_SECONDS / max(LEAST_CHUNK, min(most, 64))

    def chunk(self, *, alone: bool) -> int:
        """Tokens for the next step. ``alone``: nobody is generating meanwhile."""
        least = max(LEAST_CHUNK, min(LEAST_ALONE, ALONE_SECONDS / self._seconds_per_token)) if alone else LEAST_CHUNK
        return int(min(self._most, max(least, STEP_SECONDS / self._seconds_per_token)))

    def learn(self, tokens: int, seconds: float) -> None:
        """Take the duration of a step into account; small steps say little about prompts."""
        if tokens >= LEAST_CHUNK // 2:
            self._seconds_per_token += 0.3 * (seconds / tokens - self._seconds_per_token)


def next_step(slots: Sequence[Slot], *, chunk: int, most: int, outputs: int) -> list[Span]:
    """The spans of the next step: every generating slot, then prompts in the order of arrival.

    ``chunk`` bounds prompt tokens, ``most`` all tokens, ``outputs`` the positions that give an output.
    Empty when nothing can be computed.
    """
    spans = [Span(slot.index, len(slot.kept), 1) for slot in slots if slot.next_token is not None]
    room = min(chunk, most - len(spans))
    outputs -= len(spans)
    waiting = [slot for slot in slots if _computes_prompt(slot, embedding=False)]
    for slot in sorted(waiting, key=_order):
        span = _prompt_span(slot, room, outputs)
        if span.count <= 0:
            break
        spans.append(span)
        room -= span.count
        outputs -= span.count if span.every_output else 1
    return spans


def next_embedding(slots: Sequence[Slot], *, chunk: int, outputs: int) -> Span | None:
    """The next share of the oldest prompt that is to be embedded."""
    waiting = [slot for slot in slots if _computes_prompt(slot, embedding=True)]
    return _prompt_span(min(waiting, key=_order), chunk, outputs) if waiting else None


def _computes_prompt(slot: Slot, *, embedding: bool) -> bool:
    work = slot.work
    return work is not None and work.embedding is embedding and work.waits_for is None and slot.prompt_left > 0


def _order(slot: Slot) -> int:
    return 0 if slot.work is None else slot.work.order


def _prompt_span(slot: Slot, room: int, outputs: int) -> Span:
    every = slot.work is not None and slot.work.every_output
    count = min(slot.prompt_left, room, outputs if every else room)
    return Span(slot.index, len(slot.kept), count if outputs > 0 else 0, every)
