"""On which terms a model is asked: what a profile says of it and the API leaves to the model. Pure.

Here thoughts are asked for, and how tokens are drawn. Models refuse with 400 what is not theirs, so that nothing is
sent that a profile does not grant.
"""

from typing import Literal

from msgspec import Struct

from backends.translate.chat_body import Notes
from backends.translate.claude.asked import ChatAsked
from backends.wire.anthropic_request import ThinkingConfig

Effort = Literal["low", "medium", "high", "xhigh", "max"]
_EFFORTS: dict[str, Effort] = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
_BUDGETS: dict[Effort, int] = {"low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 65536}
_LEAST_BUDGET = 1024


class Terms(Struct, frozen=True, kw_only=True):
    """``max_tokens`` bounds every answer, and is what is asked for where the client named no bound.

    ``thinking``: models up to 4.5 take a ``budget`` of tokens, those from 4.7 on are ``adaptive``. ``samples``: the
    model and the version of the API take ``temperature``, ``top_p`` and ``top_k``; those from 4.7 and from 2026-10-21
    on do not. ``late_system``: it takes messages of the system's within a conversation, as those from 4.8 on do.
    ``caches``: the server shall keep what it has read for the next turn, at the price of writing it.
    """

    max_tokens: int
    thinking: Literal["adaptive", "budget", "never"] = "adaptive"
    samples: bool = False
    late_system: bool = False
    caches: bool = False


class Thought(Struct, frozen=True, kw_only=True):
    """``effort`` also bounds calls and words."""

    thinking: ThinkingConfig | None = None
    effort: Effort | None = None


class Sampled(Struct, frozen=True, kw_only=True):
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None


def think(asked: str | None, terms: Terms, most: int, notes: Notes, *, forced: bool) -> Thought:
    """``asked``: chat's ``reasoning_effort``. ``forced``: the answer is a call, and the API refuses thoughts then."""
    if asked is None:
        return Thought()
    if asked == "none":
        return Thought(thinking=ThinkingConfig(type="disabled") if terms.thinking == "adaptive" else None)
    effort = _EFFORTS.get(asked)
    if effort is None or terms.thinking == "never":
        why = "not known" if effort is None else "this model does not think"
        notes.add("reasoning_effort", f"{asked}: {why}; left out")
        return Thought()
    if forced:
        notes.add("reasoning_effort", "no thoughts where a call is forced")
    if terms.thinking == "adaptive":
        config = None if forced else ThinkingConfig(type="adaptive", display="summarized")
        return Thought(thinking=config, effort=effort)
    budget = min(_BUDGETS[effort], most // 2)
    if forced or budget < _LEAST_BUDGET:
        if not forced:
            notes.add("reasoning_effort", f"{most} tokens leave no room for thoughts; left out")
        return Thought()
    return Thought(thinking=ThinkingConfig(type="enabled", budget_tokens=budget, display="summarized"))


def sample(asked: ChatAsked, terms: Terms, notes: Notes, *, thinks: bool) -> Sampled:
    """Chat's temperature goes to 2, this one to 1. Models refuse it together with ``top_p``, and both with thoughts."""
    if asked.temperature is None and asked.top_p is None and asked.top_k is None:
        return Sampled()
    if thinks or not terms.samples:
        notes.add("temperature", "and top_p and top_k: not taken by this model or beside thoughts; left out")
        return Sampled()
    if asked.temperature is not None and asked.temperature > 1:
        notes.add("temperature", "1 is the most there")
    if asked.temperature is not None and asked.top_p is not None:
        notes.add("top_p", "not taken beside temperature; left out")
    return Sampled(
        temperature=None if asked.temperature is None else min(asked.temperature, 1.0),
        top_k=asked.top_k if asked.top_k and asked.top_k > 0 else None,
        top_p=asked.top_p if asked.temperature is None else None,
    )
