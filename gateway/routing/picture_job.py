"""From what a client wishes to see to the job that one candidate gets. Pure: dialects end before, workers begin after.

What no variant of a profile can do is refused by ``check``, before anything is loaded for it.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from backends.contract import Task
from backends.diffusers.args import DiffusersArgs
from backends.errors import BackendError, Cause
from backends.wire.media_job import Lora, MediaJob, MediaTask, Output, Source
from gateway.catalog.profile import ModelProfile, Picture, Variant
from gateway.routing.route import Candidate, Route

Effort = Literal["auto", "low", "medium", "high"]
_FEW_STEPS = 10
"""Distilled models have few, and need all of them: an effort changes nothing there."""
_EFFORT = {"low": 0.6, "high": 1.4}


class Wish(Struct, frozen=True, kw_only=True):
    """``task`` is what the endpoint means; ``width`` and ``height`` are what is made. One picture for each seed."""

    task: Task
    prompt: str = ""
    negative_prompt: str | None = None
    width: int
    height: int
    seeds: tuple[int, ...]
    steps: int | None = None
    effort: Effort = "auto"
    guidance: float | None = None
    strength: float | None = None
    images: tuple[str, ...] = ()
    mask: str | None = None
    loras: tuple[Lora, ...] = ()
    previews: int = 0
    output: Output = Output()


def check(wish: Wish, profile: ModelProfile) -> Picture:
    """What the profile says about pictures. Raises ``BackendError(INVALID_REQUEST)`` naming the field at fault."""
    picture = profile.picture
    if picture is None or wish.task not in profile.tasks:
        able = ", ".join(task.value for task in profile.tasks)
        detail = f"{profile.id} does not serve {wish.task.value}; it serves {able}"
        raise BackendError(Cause.INVALID_REQUEST, detail, param="model", code="model_not_supported")
    if len(wish.seeds) > profile.limits.n:
        raise invalid("n", f"n is at most {profile.limits.n} for {profile.id}")
    if wish.steps is not None and not 1 <= wish.steps <= picture.most_steps:
        raise invalid("steps", f"steps are 1 to {picture.most_steps} for {profile.id}")
    if wish.negative_prompt and not picture.negative_prompt:
        raise invalid("negative_prompt", f"{profile.id} takes no negative prompt")
    if wish.guidance is not None and picture.guidance is None:
        raise invalid("guidance_scale", f"{profile.id} takes no guidance")
    if len(wish.images) > max(1, picture.most_images):
        raise invalid("image", f"{profile.id} takes at most {picture.most_images} pictures")
    known = adapters_of(profile.variants)
    for i, lora in enumerate(wish.loras):
        if lora.name not in known:
            raise invalid(f"loras[{i}].name", f"{profile.id} has no LoRA of that name; it has: {listed(known)}")
    return picture


def only_able(wish: Wish, route: Route) -> Route:
    """The route without variants that cannot do it: not every one has every task and adapter. Offers stay: who serves
    them is asked when it comes to that.

    Raises ``BackendError(INVALID_REQUEST)`` when none can.
    """
    able: list[Candidate] = []
    refusal: BackendError | None = None
    for candidate in route.candidates:
        try:
            job_of(wish, candidate, "")
        except BackendError as error:
            refusal = refusal or error
        else:
            able.append(candidate)
    if not able and refusal is not None:
        raise refusal
    return replace(route, candidates=tuple(able))


def job_of(wish: Wish, candidate: Candidate, job_id: str) -> MediaJob:
    """The job for a worker of ``candidate``. Raises as ``check``, for what another variant may still be able to do."""
    picture = check(wish, candidate.profile)
    known = adapters_of((candidate.variant,))
    for i, lora in enumerate(wish.loras):
        if lora.name not in known:
            raise invalid(f"loras[{i}].name", f"{candidate.target.variant_id} has no LoRA of that name")
    task = _task(wish, candidate)
    return MediaJob(
        id=job_id,
        task=task,
        prompt=wish.prompt,
        negative_prompt=wish.negative_prompt,
        width=wish.width,
        height=wish.height,
        seeds=wish.seeds,
        steps=steps_for(wish, candidate),
        guidance=guidance_for(wish.guidance, candidate, picture),
        strength=_strength(wish, picture, task),
        images=tuple(Source(path=path) for path in wish.images),
        mask=None if wish.mask is None else Source(path=wish.mask),
        loras=wish.loras,
        previews=wish.previews,
        output=wish.output,
        effort=None if not candidate.provider or wish.effort == "auto" else wish.effort,
    )


def work_of(wish: Wish, candidate: Candidate) -> float:
    """How much a candidate has to do: pictures times steps times megapixels."""
    engine, picture = candidate.variant.engine, candidate.profile.picture
    own = engine if isinstance(engine, DiffusersArgs) else None
    steps = 1 if picture is None else steps_of(wish, picture, own.steps if own else None)
    width, height = (own and own.native) or (wish.width, wish.height)
    return len(wish.seeds) * steps * width * height / 1e6


def steps_of(wish: Wish, picture: Picture, of_variant: int | None) -> int:
    """As asked; else the variant's or the profile's own, more or fewer by the effort that is wanted."""
    if wish.steps is not None:
        return wish.steps
    usual = of_variant or picture.steps
    if usual <= _FEW_STEPS:
        return usual
    return max(1, min(picture.most_steps, round(usual * _EFFORT.get(wish.effort, 1.0))))


def steps_for(wish: Wish, candidate: Candidate) -> int | None:
    """What ``candidate`` is told; providers have their own where nobody asks for another number."""
    engine, picture = candidate.variant.engine, candidate.profile.picture
    if candidate.provider or picture is None:
        return wish.steps
    return steps_of(wish, picture, engine.steps if isinstance(engine, DiffusersArgs) else None)


def guidance_for(wished: float | None, candidate: Candidate, picture: Picture) -> float | None:
    """As ``steps_for``."""
    if wished is not None or candidate.provider:
        return wished
    return guidance_of(candidate, picture)


def guidance_of(candidate: Candidate, picture: Picture) -> float | None:
    """What is used where nobody asks for another: the variant's own, or the profile's."""
    engine = candidate.variant.engine
    own = engine.guidance if isinstance(engine, DiffusersArgs) else None
    return picture.guidance if own is None else own


def _strength(wish: Wish, picture: Picture, task: MediaTask) -> float | None:
    """What a mask leaves free is made anew, unless the request says otherwise."""
    if task not in ("vary", "inpaint"):
        return None
    return wish.strength or (picture.strength if task == "vary" else 1.0)


def _task(wish: Wish, candidate: Candidate) -> MediaTask:
    """An edit is one by instruction where the model can, else a variation that the prompt leads."""
    engine = candidate.variant.engine
    able = tuple(engine.pipelines) if isinstance(engine, DiffusersArgs) else ("generate", "vary", "edit", "inpaint")
    wanted: dict[Task, tuple[MediaTask, ...]] = {
        Task.IMAGE: ("generate",),
        Task.IMAGE_EDIT: ("edit", "vary"),
        Task.IMAGE_VARIATION: ("vary",),
        Task.INPAINT: ("inpaint",),
    }
    for task in wanted[wish.task]:
        if task in able:
            return task
    raise invalid("model", f"{candidate.target.variant_id} does not serve {wish.task.value}")


def adapters_of(variants: Sequence[Variant]) -> frozenset[str]:
    """LoRAs that a request may choose."""
    return frozenset(
        name
        for variant in variants
        if isinstance(variant.engine, DiffusersArgs)
        for name, lora in variant.engine.loras.items()
        if not lora.always
    )


def listed(names: frozenset[str]) -> str:
    """For people."""
    return ", ".join(sorted(names)) or "none"


def invalid(param: str, detail: str) -> BackendError:
    """A request that names something the model cannot do."""
    return BackendError(Cause.INVALID_REQUEST, detail, param=param)
