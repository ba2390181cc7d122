"""An engine that has just failed a request is asked at once how it is: one that has died inside may serve errors for
seconds until its last process ends. It is ended then, and whoever failed may have the engine that follows.
"""

import asyncio
import contextlib

from gateway.scheduling.engine_tasks import EngineTasks

_SECONDS = 1.0
"""A healthy engine that is busy may take longer to prove it, and is left alone."""


async def is_dead(engines: EngineTasks, variant_id: str, model: str) -> bool:
    """Whether the engine of ``variant_id`` is dead, or says that it is; it has been ended when this returns true.

    Servers that somebody else runs are never ended.
    """
    running = engines.running.get(variant_id)
    if running is None:
        return True
    if running.pid is None:
        return False
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SECONDS):
            health = await running.backend.health()
            if health.ready:
                return False
            if engines.running.get(variant_id) is running and not running.exited.done():
                engines.kill_hung(variant_id, model)
            return True
    return False
