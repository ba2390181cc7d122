"""Which model a request means that names none: the best of its task that is here and fits. Pure but for ``missing``."""

from collections.abc import Callable

from backends.contract import Task
from backends.errors import BackendError, Cause
from gateway.catalog.catalog import Catalog
from gateway.catalog.profile import ModelProfile, Variant
from gateway.catalog.resolve import TIERS


def preferred(
    catalog: Catalog,
    task: Task,
    fits: Callable[[Variant], bool],
    missing: Callable[[ModelProfile, Variant], BackendError | None],
) -> ModelProfile:
    """By tier, then by name. Raises ``BackendError(NOT_FOUND)`` with what to do when nothing is here."""
    able = [p for p in catalog.profiles.values() if task in p.tasks and p.listed and p.lifecycle != "retired"]
    here = [p for p in able if any(fits(v) and missing(p, v) is None for v in p.variants)]
    if here:
        return min(here, key=_rank)
    reason = next(
        (why for p in sorted(able, key=_rank) for v in p.variants if (why := missing(p, v)) is not None), None
    )
    if reason is not None:
        raise reason
    raise BackendError(Cause.NOT_FOUND, f"name a model: no local one serves {task.value}", param="model")


def _rank(profile: ModelProfile) -> tuple[int, str]:
    return (TIERS.index(profile.tier) if profile.tier else len(TIERS), profile.id)
