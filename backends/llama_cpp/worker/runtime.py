"""What the worker's front needs from an engine: tokens in, pieces out. Two packages implement it.

Types only. Text (UTF-8, stop strings, reasoning, tool calls) is the front's, so that both engines behave alike.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

from msgspec import Struct

Vector = Sequence[float]


class SamplingParams(Struct, frozen=True, kw_only=True):
    """Everything that shapes the choice of the next token. ``temperature`` 0 is greedy; ``seed`` fits 32 bits."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    seed: int
    repeat_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()


class Generation(Struct, frozen=True, kw_only=True):
    """One sequence to generate. ``top_logprobs`` None means no log probabilities at all.

    ``grammar`` is GBNF with the rule ``root``. ``shown`` are control tokens whose text is output (markers of tool
    calls); the text of all others is empty. ``score_prompt`` asks for the log probability of each prompt token.
    """

    prompt: list[int]
    max_tokens: int
    sampling: SamplingParams
    grammar: str = ""
    top_logprobs: int | None = None
    score_prompt: bool = False
    shown: frozenset[int] = frozenset()


class Candidate(Struct, frozen=True, gc=False):
    """A token, its bytes and the natural logarithm of its probability."""

    token: int
    text: bytes
    logprob: float


class Score(Struct, frozen=True):
    """Log probability of a token and of the likeliest tokens at its place."""

    chosen: Candidate
    top: tuple[Candidate, ...] = ()


class Piece(Struct, frozen=True):
    """``count`` generated tokens, of which ``token`` is the last: one, or the few that make up a character.

    ``text`` may end inside a UTF-8 character. The last piece has a ``finish``. The token that ends a sequence by itself
    counts as generated and has neither text nor score.
    """

    token: int
    text: bytes
    finish: Literal["", "stop", "length"] = ""
    score: Score | None = None
    count: int = 1


class PieceStream(Protocol):
    """The pieces of one generation. ``cached_tokens`` and ``prompt_scores`` are known from the first piece on.

    ``cancel`` stops the work within one decode step; it is idempotent and may be called after the end.
    """

    @property
    def cached_tokens(self) -> int: ...

    @property
    def prompt_scores(self) -> tuple[Score | None, ...]: ...

    def __aiter__(self) -> AsyncIterator[Piece]: ...

    def cancel(self) -> None: ...


class ModelFacts(Struct, frozen=True, kw_only=True):
    """What the file and the engine say about themselves. Sizes in tokens, memory in bytes.

    ``buffer_bytes`` is what the engine has allocated anywhere: weights, cache, computation; 0 when it does not tell.
    """

    slots: int
    slot_context: int
    chat_template: str
    bos_text: str
    eos_text: str
    bos: int | None
    vocabulary: int
    engine: str
    engine_version: str
    device_bytes: int
    buffer_bytes: int
    host_bytes: int
    embedding_context: int


class Counters(Struct, frozen=True, kw_only=True):
    """Totals since the start, and two gauges. ``prompt_tokens`` were computed, ``cached_tokens`` were not."""

    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    decode_steps: int
    slots_busy: int
    queued: int


class Runtime(Protocol):
    """An engine with a loaded model. All methods are called on the event loop."""

    @property
    def facts(self) -> ModelFacts: ...

    @property
    def died(self) -> "asyncio.Future[str]":
        """Completes with the reason when the engine ends by itself."""
        ...

    async def tokenize(self, text: str) -> list[int]:
        """Token ids of ``text``; the text of control tokens becomes those tokens; nothing is added."""
        ...

    async def texts(self, tokens: list[int]) -> list[bytes]:
        """The bytes of each token, control tokens included."""
        ...

    def generate(self, generation: Generation) -> PieceStream:
        """Queue ``generation``. Raises ``BackendError``: ``QUEUE_FULL``, or ``INVALID_REQUEST`` for a bad grammar."""
        ...

    async def embed(self, inputs: list[list[int]]) -> list[Vector]:
        """One vector of length 1 for each input, in order. Cancelling the caller stops the work."""
        ...

    async def counters(self) -> Counters: ...

    async def aclose(self) -> None: ...
