"""A hang-up of the client, told to its handler without a task of its own. The listener signals it."""

from collections.abc import Callable, Mapping

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
