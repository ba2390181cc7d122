"""Which running clips give way to people. Pure: looks at what waits and for whom, and names the jobs.

A clip runs for minutes and is never cut by the scheduler. An interactive request that has waited for its memory as long
as the operator bears sends it back to the queue, where nothing of its attempts is used up; each clip only so often,
else a busy chat would keep it from ever being finished.
"""

from collections.abc import Iterable

from msgspec import Struct

from gateway.jobs.job import Job

TIMES = 2
"""A clip is sent back so often; from then on people wait for it."""


class Blocked(Struct, frozen=True, kw_only=True):
    """An interactive request that has waited so many ``seconds``, ``behind`` these variants."""

    seconds: float
    behind: tuple[str, ...]


class Clip(Struct, frozen=True, kw_only=True):
    """A running job, and the variant that makes it."""

    job: Job
    variant_id: str


def who_makes_way(blocked: Iterable[Blocked], clips: Iterable[Clip], hold: float) -> tuple[str, ...]:
    """Ids of jobs. ``hold``: for how long a clip may keep people waiting, in seconds; 0 for as long as it takes."""
    if hold <= 0:
        return ()
    wanted = {name for each in blocked if each.seconds >= hold for name in each.behind}
    return tuple(clip.job.id for clip in clips if clip.variant_id in wanted and clip.job.returned < TIMES)
