"""Profiles as clients of Anthropic's dialect know models: entries and pages of them. Pure; it never looks a name up."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.llama_cpp.args import LlamaCppArgs
from backends.registry import reads_pictures
from backends.wire.anthropic_models import (
    Capabilities,
    Effort,
    Model,
    ModelPage,
    Stage,
    Support,
    Thinking,
    ThinkingTypes,
)
from gateway.catalog.profile import Lifecycle, ModelProfile

MOST = 1000
_NUMBER = re.compile(r"[0-9]{1,4}")
_STAGES: dict[Lifecycle, Stage] = {
    "active": "active", "preview": "active", "ending": "deprecated", "retired": "retired",
}  # fmt: skip


class PageAsked(Struct, frozen=True, kw_only=True):
    """Which part of the list. Without a ``limit`` all of it: many a client never asks for a second page.

    Retired models are in no list that does not ask for them.
    """

    limit: int | None = None
    after: str | None = None
    before: str | None = None
    stages: Sequence[str] = ("active", "deprecated")

    @classmethod
    def of(cls, query: Mapping[str, str], stages: Sequence[str]) -> "PageAsked":
        """Raises ``BackendError(INVALID_REQUEST)`` for a limit that is none."""
        limit = query.get("limit")
        if limit is not None and not (_NUMBER.fullmatch(limit) and 1 <= int(limit) <= MOST):
            raise BackendError(Cause.INVALID_REQUEST, f"limit: a number between 1 and {MOST} is wanted", param="limit")
        return cls(
            limit=None if limit is None else int(limit),
            after=query.get("after_id"),
            before=query.get("before_id"),
            stages=stages or ("active", "deprecated"),
        )


def model_of(name: str, profile: ModelProfile, context: int | None, loaded_at: float) -> Model:
    """The entry of ``profile`` under a name of it; ``context`` is what would be served, in tokens."""
    return Model(
        id=name,
        display_name=profile.name,
        created_at=datetime.fromtimestamp(loaded_at, UTC).isoformat(timespec="seconds"),
        max_input_tokens=context,
        max_tokens=profile.limits.max_output_tokens or context,
        capabilities=_capabilities(profile),
        lifecycle=_STAGES[profile.lifecycle],
    )


def _capabilities(profile: ModelProfile) -> Capabilities:
    """What is known before an engine runs. Efforts are understood by models that think; PDFs are read as text."""
    engines = [variant.engine for variant in profile.variants if isinstance(variant.engine, LlamaCppArgs)]
    thinks = any(engine.reasoning == "think" for engine in engines)
    effort = Support(thinks)
    return Capabilities(
        effort=Effort(supported=thinks, low=effort, medium=effort, high=effort, xhigh=effort, max=effort),
        structured_outputs=Support(bool(engines)),
        image_input=Support(
            any(reads_pictures(variant.engine) for variant in profile.variants)
            or any(offer.images for offer in profile.cloud)
        ),
        pdf_input=Support(True),
        thinking=Thinking(supported=thinks, types=ThinkingTypes(enabled=Support(thinks), adaptive=Support(thinks))),
    )


def page_of(models: Sequence[Model], asked: PageAsked) -> ModelPage:
    """Raises ``BackendError(INVALID_REQUEST)`` for an id that is not in the list."""
    models = [model for model in models if model.lifecycle in asked.stages]
    start, end = 0, len(models)
    if asked.after is not None:
        start = _place(models, asked.after, "after_id") + 1
    if asked.before is not None:
        end = _place(models, asked.before, "before_id")
    found = models[start:end]
    limit = len(found) if asked.limit is None else asked.limit
    data = found[:limit] if asked.before is None else found[max(0, len(found) - limit) :]
    return ModelPage(
        data=data,
        first_id=data[0].id if data else None,
        last_id=data[-1].id if data else None,
        has_more=len(data) < len(found),
    )


def _place(models: Sequence[Model], name: str, param: str) -> int:
    place = next((index for index, model in enumerate(models) if model.id == name), None)
    if place is None:
        raise BackendError(Cause.INVALID_REQUEST, f"{param}: there is no model {name[:80]} in the list", param=param)
    return place
