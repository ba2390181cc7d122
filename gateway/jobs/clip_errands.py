"""What the job of a clip may do in the cloud, and what it may cost there: by what its key allows when it runs."""

from collections.abc import Callable

from backends.contract import Task
from gateway.jobs.job import Job
from gateway.jobs.journal import JobJournal
from gateway.jobs.video_spec import VideoSpec
from gateway.routing.egress import Permit
from gateway.routing.errand import NOWHERE, Errand
from gateway.routing.route import Route
from gateway.spending.budget import Budget
from gateway.spending.cost import Clips, Wanted

Permitted = Callable[[str, bool], tuple[Permit, Budget]]
"""What the key of that id allows now, and pays; the flag: the request wanted to stay here."""


def errand_of(permitted: Permitted, job: Job, spec: VideoSpec, route: Route, journal: JobJournal) -> Errand:
    """A route without the cloud costs no look. What has begun already is gone on with, whatever is allowed now."""
    if not route.cloud:
        return NOWHERE
    permit, budget = permitted(job.owner, spec.local_only)
    wish = spec.wish
    # Some count pictures, at the model's own rate: a client that wants more of them a second does not pay for less.
    usual = route.profile.clip
    fps = wish.fps if usual is None else min(wish.fps, usual.fps)
    clips = Clips(lines=min(wish.width, wish.height), milliseconds=round(1000 * wish.frames / fps), sound=wish.sound)
    read = len([each for each in (spec.first, spec.last, spec.clip) if each is not None])
    wanted = Wanted(text_bytes=len(wish.prompt.encode()), pictures_read=read, clips=clips)
    return Errand(
        permit=permit, key=job.owner, budget=budget, wanted=wanted, task=Task(wish.task), journal=journal,
        abroad=job.abroad,
    )  # fmt: skip
