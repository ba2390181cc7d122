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
    """By tier, then by name.

    Raises ``BackendError``: what the best one that would fit lacks here, ``CANNOT_FIT`` when none does, ``NOT_FOUND``
    when nothing serves ``task``.
    """
    able = [p for p in catalog.profiles.values() if task in p.tasks and p.listed and p.lifecycle != "retired"]
    if not able:
        raise BackendError(Cause.NOT_FOUND, f"name a model: no local one serves {task.value}", param="model")
    lacking: BackendError | None = None
    for profile in sorted(able, key=_rank):
        for variant in profile.variants:
            if fits(variant):
                reason = missing(profile, variant)
                if reason is None:
                    return profile
                lacking = lacking or reason
    raise lacking or BackendError(
        Cause.CANNOT_FIT, f"no model that serves {task.value} fits this machine", param="model"
    )


def _rank(profile: ModelProfile) -> tuple[int, str]:
    return (TIERS.index(profile.tier) if profile.tier else len(TIERS), profile.id)
