"""Measures how late the event loop runs its timers, and feeds systemd's watchdog while it does."""

import asyncio

from gateway.telemetry.metrics import Metrics
from gateway.telemetry.systemd import notify

_EVERY = 0.5
_WATCHDOG_EVERY = 10.0


async def pulse(metrics: Metrics) -> None:
    """Runs until cancelled."""
    loop = asyncio.get_running_loop()
    fed = 0.0
    while True:
        due = loop.time() + _EVERY
        await asyncio.sleep(_EVERY)
        now = loop.time()
        metrics.loop_lag.observe(max(0.0, now - due))
        if now - fed >= _WATCHDOG_EVERY:
            fed = now
            notify("WATCHDOG=1")
