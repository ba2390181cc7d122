"""What answers to the name of a model that is gone: nothing, unless the operator says that its successor may.

Pure. A model is never swapped without a word: the answer's headers and its ``model`` name who answers.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Literal

from gateway.catalog.profile import ModelProfile
from gateway.routing.egress import ended

Policy = Literal["off", "warn", "auto"]
"""``off``: an error that names the successor. ``warn`` and ``auto``: the successor answers; ``warn`` says so in the log
and to the client."""
REASON = "successor:"
_MOST_STEPS = 8
_log = logging.getLogger("forebay.routing")


class Succession:
    """``today``: year, month and day, as profiles write them."""

    def __init__(self, policy: Policy = "off", today: Callable[[], str] = lambda: "") -> None:
        self._policy: Policy = policy
        self._today = today

    def day(self) -> str:
        """Within one day the same model answers; nobody has to ask where nothing is ever swapped."""
        return "" if self._policy == "off" else self._today()

    def of(self, profile: ModelProfile, profiles: Mapping[str, ModelProfile]) -> ModelProfile:
        """``profile``, or the first of its successors that is not gone where it is; itself when there is none."""
        if self._policy == "off":
            return profile
        found, today = profile, self._today()
        for _ in range(_MOST_STEPS):
            if not gone(found, today):
                break
            following = profiles.get(found.successor or "")
            if following is None:
                return profile
            found = following
        if self._policy == "warn" and found is not profile:
            _log.warning("%s is gone; %s answers to its name (FOREBAY_SUCCESSORS)", profile.id, found.id)
        return found


def gone(profile: ModelProfile, today: str) -> bool:
    """Switched off for good: no switch of ours would bring it back."""
    if profile.lifecycle == "retired":
        return True
    return not profile.variants and bool(profile.cloud) and all(ended(offer, today) for offer in profile.cloud)


def warning(model: str, reason: str) -> str:
    """What a client is told of it; empty where ``reason`` says nothing of the kind."""
    old = reason.removeprefix(REASON)
    return f"{old} is gone; {model} answered instead" if old != reason else ""
