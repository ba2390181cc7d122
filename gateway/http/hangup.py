"""A hang-up of the client, told to its handler without a task of its own. The listener signals it."""

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

from backends.errors import BackendError, Cause

HANGUP = "forebay.hangup"


class Hangup:
    """What a connection tells its handler without a task: ``callback`` is called when the client goes away before the
    response is complete; ``received`` is true once the whole request body is here.
    """

    __slots__ = ("callback", "gone", "received")

    def __init__(self) -> None:
        self.callback: Callable[[], object] | None = None
        self.gone = False
        self.received = False

    def signal(self) -> None:
        """The client is gone."""
        self.gone = True
        if self.callback is not None:
            self.callback()


def hangup_of(scope: Mapping[str, object]) -> Hangup | None:
    """The signal of this request; ``None`` under a server that is not ours."""
    found = scope.get(HANGUP)
    return found if isinstance(found, Hangup) else None


def cancel_when_gone(scope: Mapping[str, object]) -> None:
    """From now on a hang-up cancels the calling task. Raises ``BackendError(CLIENT_GONE)`` when it has happened."""
    hangup = hangup_of(scope)
    if hangup is not None:
        hangup.callback = cast("asyncio.Task[None]", asyncio.current_task()).cancel
        if hangup.gone:
            raise BackendError(Cause.CLIENT_GONE, "the client left")
