"""The states of sleep of a vLLM server, as posts. Pure data; when to use them is the scheduler's affair.

Level 1 moves the weights to host RAM and forgets the caches; level 2 forgets both and reads the weights again.
A server asleep answers its health path and hangs every other request, so nothing may be sent to it.
"""

from msgspec import Struct

from backends.contract import Post

_QUICK = 120.0
_LOAD = 1800.0


class States(Struct, frozen=True, kw_only=True):
    """The fields of ``LaunchPlan`` of the same names."""

    sleep: tuple[Post, ...] = ()
    wake: tuple[Post, ...] = ()
    deep_sleep: tuple[Post, ...] = ()
    deep_wake: tuple[Post, ...] = ()


NONE = States()


def states(*, real: bool) -> States:
    """``real``: where memory moves; elsewhere the server only pauses, which is enough to try the states with."""
    if not real:
        return States(
            sleep=(Post(path="/sleep?level=1", seconds=_QUICK),), wake=(Post(path="/wake_up", seconds=_QUICK),)
        )
    return States(
        sleep=(Post(path="/sleep?level=1", seconds=_QUICK),),
        wake=(Post(path="/wake_up", seconds=_QUICK),),
        deep_sleep=(Post(path="/sleep?level=2", seconds=_QUICK),),
        deep_wake=(
            Post(path="/wake_up?tags=weights", seconds=_QUICK),
            Post(path="/collective_rpc", body=b'{"method":"reload_weights"}', seconds=_LOAD),
            Post(path="/wake_up?tags=kv_cache", seconds=_QUICK),
        ),
    )
