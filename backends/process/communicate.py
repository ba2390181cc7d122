"""The end of a short-lived child: what it says within its time, and in no case a child that is left behind.

Starts nothing; engines, which live long, are the supervisor's.
"""

import asyncio
import contextlib
from asyncio.subprocess import Process


async def communicate(child: Process, seconds: float, given: bytes | None = None) -> tuple[bytes, bytes]:
    """What it wrote to its output and its error output, once it has ended. ``given`` goes to its input.

    Raises ``TimeoutError``. However it is left, also by a cancellation, the child is dead then.
    """
    try:
        async with asyncio.timeout(seconds):
            said, complaint = await child.communicate(given)
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return said or b"", complaint or b""
