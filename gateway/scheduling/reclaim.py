"""Memory of a card comes back late after a process has ended: wait until it is there, or for a few seconds.

Typically half a second to two. Without it the next load would count on bytes that the driver still holds.
"""

from collections.abc import Awaitable, Callable, Mapping

POLL_SECONDS = 0.25
LONGEST_SECONDS = 5.0
ENOUGH = 0.75

Free = Callable[[], Awaitable[Mapping[str, int] | None]]


async def returned(
    free: Free, before: Mapping[str, int], held: Mapping[str, int], sleep: Callable[[float], Awaitable[None]]
) -> tuple[bool, float]:
    """Waits until most of ``held`` (bytes by card) is free again, seen against ``before``; never raises.

    ``free`` reads the free bytes of all cards now, ``None`` when they cannot be read. Gives whether it came, and the
    seconds waited.
    """
    waited = 0.0
    while held:
        now = await free()
        if now is not None and all(now.get(d, 0) - before.get(d, 0) >= ENOUGH * size for d, size in held.items()):
            return True, waited
        if waited >= LONGEST_SECONDS:
            return False, waited
        await sleep(POLL_SECONDS)
        waited += POLL_SECONDS
    return True, waited
