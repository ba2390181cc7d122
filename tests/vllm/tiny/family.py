"""A family of models, small enough to be made in a moment. Data only."""

from typing import Any

from msgspec import Struct


class Family(Struct, frozen=True, kw_only=True):
    """``config`` goes to transformers' configuration of ``model_type``; ``says`` is put over what it writes as
    ``config.json``, for checkpoints that name themselves otherwise. ``weights`` is the class that makes them, where it
    is not ``architecture``.

    ``words`` are tokens of its own, ``end`` the one that ends an answer. ``why_not``: what vLLM says, in
    its words, when it cannot run on the CPU. ``no_call``: why a call cannot be forced, where it runs.
    """

    name: str
    architecture: str
    model_type: str
    config: dict[str, Any]
    template: str | None
    words: tuple[str, ...] = ()
    end: str
    says: dict[str, Any] = {}
    weights: str | None = None
    pictures: bool = False
    tool_parser: str | None = None
    reasoning_parser: str | None = None
    why_not: str | None = None
    no_call: str | None = None
