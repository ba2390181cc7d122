"""What of a route can be served on this machine, before a job of it is queued. Pure but for ``missing``.

A request that waits for its answer hears that from the dispatcher; a job would only fail once its turn has come.
"""

from collections.abc import Callable

from backends.contract import Task
from backends.errors import BackendError, Cause
from gateway.catalog.profile import ModelProfile, Variant
from gateway.routing.clip_job import makes
from gateway.routing.route import Route

Fits = Callable[[Variant], bool]
Missing = Callable[[ModelProfile, Variant], BackendError | None]


def changes_clips(route: Route, fits: Fits, missing: Missing) -> bool:
    """Whether a variant that is here and fits makes one clip of another: it may be one of its own."""
    return Task.VIDEO_TO_VIDEO in route.profile.tasks and any(
        makes(each, Task.VIDEO_TO_VIDEO) and fits(each.variant) and missing(each.profile, each.variant) is None
        for each in route.candidates
    )


def require_present(route: Route, fits: Fits, missing: Missing) -> None:
    """Raises ``BackendError``: what the first candidate that would fit lacks here, ``CANNOT_FIT`` when none does."""
    lacking: BackendError | None = None
    for candidate in route.candidates:
        if fits(candidate.variant):
            reason = missing(candidate.profile, candidate.variant)
            if reason is None:
                return
            lacking = lacking or reason
    raise lacking or BackendError(Cause.CANNOT_FIT, f"{route.profile.id} does not fit this machine", param="model")
