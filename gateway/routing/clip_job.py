"""From the clip a client wishes for to the job that one candidate gets. Pure.

What no variant of a profile can do is refused by ``check``, before anything is loaded for it.
"""

from math import ceil

import msgspec
from msgspec import Struct

from backends.contract import Task
from backends.diffusers.args import DiffusersArgs
from backends.errors import BackendError, Cause
from backends.wire.media_job import Lora, MediaJob, MediaTask, Output, Source
from gateway.catalog.profile import Clip, ModelProfile, Picture
from gateway.routing.picture_job import adapters_of, guidance_for, invalid, listed
from gateway.routing.route import Candidate, Route
from gateway.scheduling.demand import Demand

_TASKS: dict[Task, MediaTask] = {
    Task.VIDEO: "generate",
    Task.IMAGE_TO_VIDEO: "animate",
    Task.VIDEO_TO_VIDEO: "restyle",
}


class ClipWish(Struct, frozen=True, kw_only=True):
    """``frames`` pictures of ``width`` × ``height``, ``fps`` a second; what is given has been snapped already.

    ``first`` and ``last`` are pictures, ``clip`` a movie: paths of files. With ``clip``, ``IMAGE_TO_VIDEO`` goes on
    where that one ends, ``VIDEO_TO_VIDEO`` changes it by ``strength``.
    """

    task: Task
    prompt: str
    negative_prompt: str | None = None
    width: int
    height: int
    frames: int
    fps: float
    seed: int
    steps: int | None = None
    guidance: float | None = None
    strength: float | None = None
    loras: tuple[Lora, ...] = ()
    sound: bool = True
    first: str | None = None
    last: str | None = None
    clip: str | None = None


def sections_of(profile: ModelProfile, task: Task) -> tuple[Picture, Clip]:
    """What the profile says about clips. Raises ``BackendError``: ``CANNOT_FIT`` for what is only told of,
    ``INVALID_REQUEST`` when it makes none of that kind."""
    if task in profile.tasks and not profile.variants and not profile.cloud:
        raise _cannot_be_served(profile)
    if profile.picture is None or profile.clip is None or task not in profile.tasks:
        able = ", ".join(each.value for each in profile.tasks)
        detail = f"{profile.id} does not serve {task.value}; it serves {able}"
        raise BackendError(Cause.INVALID_REQUEST, detail, param="model", code="model_not_supported")
    return profile.picture, profile.clip


def check(wish: ClipWish, profile: ModelProfile) -> Picture:
    """Raises ``BackendError(INVALID_REQUEST)`` naming the field at fault."""
    picture, clip = sections_of(profile, wish.task)
    if wish.steps is not None and not 1 <= wish.steps <= picture.most_steps:
        raise invalid("steps", f"steps are 1 to {picture.most_steps} for {profile.id}")
    if wish.negative_prompt and not picture.negative_prompt:
        raise invalid("negative_prompt", f"{profile.id} takes no negative prompt")
    if wish.guidance is not None and picture.guidance is None:
        raise invalid("guidance", f"{profile.id} takes no guidance")
    if wish.last is not None and not clip.last_frame:
        raise invalid("last_frame", f"{profile.id} cannot be told what a clip ends with")
    known = adapters_of(profile.variants)
    for i, lora in enumerate(wish.loras):
        if lora.name not in known:
            raise invalid(f"loras[{i}].name", f"{profile.id} has no LoRA of that name; it has: {listed(known)}")
    return picture


def only_able(wish: ClipWish, route: Route) -> Route:
    """The route without variants that cannot do it; offers stay. Raises ``BackendError``: ``INVALID_REQUEST`` when none
    can, ``CANNOT_FIT`` when there is none at all."""
    check(wish, route.profile)
    if not route.candidates and not route.cloud:
        raise _cannot_be_served(route.profile)
    able: list[Candidate] = []
    refusal: BackendError | None = None
    for candidate in route.candidates:
        try:
            job_of(wish, candidate, "", "")
        except BackendError as error:
            refusal = refusal or error
        else:
            able.append(candidate)
    if not able and refusal is not None:
        raise refusal
    return msgspec.structs.replace(route, candidates=tuple(able), fallbacks=())


def makes(candidate: Candidate, task: Task) -> bool:
    """Whether a variant of a profile that serves ``task`` has the pipeline for it; other programs are taken at their
    word."""
    engine = candidate.variant.engine
    return not isinstance(engine, DiffusersArgs) or _TASKS[task] in engine.pipelines


def job_of(wish: ClipWish, candidate: Candidate, job_id: str, folder: str) -> MediaJob:
    """The job for a worker of ``candidate``, whose files go into ``folder``. Raises as ``check``."""
    picture = check(wish, candidate.profile)
    task = _TASKS[wish.task]
    if not makes(candidate, wish.task):
        raise invalid("model", f"{candidate.target.variant_id} does not serve {wish.task.value}")
    known = adapters_of((candidate.variant,))
    for i, lora in enumerate(wish.loras):
        if lora.name not in known:
            raise invalid(f"loras[{i}].name", f"{candidate.target.variant_id} has no LoRA of that name")
    strength = (wish.strength or picture.strength) if task == "restyle" else None
    return MediaJob(
        id=job_id,
        task=task,
        prompt=wish.prompt,
        negative_prompt=wish.negative_prompt,
        width=wish.width,
        height=wish.height,
        seeds=(wish.seed,),
        steps=wish.steps or (None if candidate.provider else _steps(candidate, picture)),
        guidance=guidance_for(wish.guidance, candidate, picture),
        strength=strength,
        images=() if wish.first is None else (Source(path=wish.first),),
        last=None if wish.last is None else Source(path=wish.last),
        clip=None if wish.clip is None else Source(path=wish.clip),
        frames=wish.frames,
        fps=wish.fps,
        sound=wish.sound,
        loras=wish.loras,
        output=Output(folder=folder),
        lasting=bool(candidate.provider),
    )


def work_of(wish: ClipWish, candidate: Candidate) -> float:
    """How much a candidate has to do: pictures times steps times megapixels."""
    picture = candidate.profile.picture
    steps = wish.steps or (1 if picture is None else _steps(candidate, picture))
    return wish.frames * steps * wish.width * wish.height / 1e6


def demand_of(wish: ClipWish) -> Demand:
    """What memory depends on."""
    return Demand(width=wish.width, height=wish.height, frames=wish.frames, images=1)


def remaining(elapsed: float, percent: float, expected: float | None) -> float | None:
    """Seconds until the end, from those that have passed; ``expected`` is what such a clip takes in all, if known.

    Early on the expectation says more than the first percents, later they do; ``None`` while nothing is known.
    """
    done = min(100.0, max(0.0, percent)) / 100
    by_pace = None if done < _FIRST_SIGN else elapsed * (1 - done) / done
    if expected is None:
        return by_pace
    by_plan = max(0.0, expected - elapsed)
    return by_plan if by_pace is None else done * by_pace + (1 - done) * max(by_plan, by_pace / 2)


def whole_seconds(seconds: float | None) -> int | None:
    """For people: the next whole second."""
    return None if seconds is None else ceil(seconds)


def at(wish: ClipWish, *, first: str | None, last: str | None, clip: str | None) -> ClipWish:
    """The same wish, with its files at these paths."""
    return msgspec.structs.replace(wish, first=first, last=last, clip=clip)


def _cannot_be_served(profile: ModelProfile) -> BackendError:
    why = profile.why_not or "it has no variant that this gateway can serve"
    return BackendError(Cause.CANNOT_FIT, f"{profile.id} cannot be served: {why}", param="model")


def _steps(candidate: Candidate, picture: Picture) -> int:
    engine = candidate.variant.engine
    of_variant = engine.steps if isinstance(engine, DiffusersArgs) else None
    return of_variant or picture.steps


_FIRST_SIGN = 0.02
