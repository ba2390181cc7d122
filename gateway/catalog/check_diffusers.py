"""Rules of a diffusers variant and of profiles that make pictures. Pure."""

from collections.abc import Iterator

from backends.contract import Task
from backends.diffusers.args import DiffusersArgs, FirstBlockCache
from backends.external.args import ExternalArgs
from gateway.catalog.finding import Finding
from gateway.catalog.problem import quoted
from gateway.catalog.profile import Clip, ModelProfile, Picture, Variant

_PIPELINES: dict[Task, frozenset[str]] = {
    Task.IMAGE: frozenset({"generate"}),
    Task.IMAGE_EDIT: frozenset({"edit", "vary"}),
    Task.IMAGE_VARIATION: frozenset({"vary"}),
    Task.INPAINT: frozenset({"inpaint"}),
    Task.VIDEO: frozenset({"generate"}),
    Task.IMAGE_TO_VIDEO: frozenset({"animate"}),
    Task.VIDEO_TO_VIDEO: frozenset({"restyle"}),
}
_OF_CLIPS = frozenset({Task.VIDEO, Task.IMAGE_TO_VIDEO, Task.VIDEO_TO_VIDEO})


def diffusers_findings(engine: DiffusersArgs, variant: Variant) -> Iterator[Finding]:
    """Broken rules of ``variant``; places are relative to it."""
    if not engine.pipelines:
        yield Finding("engine.pipelines", "at least one task is needed")
    if variant.weights is None:
        yield Finding("engine", "diffusers needs weights")
    for name in engine.parts:
        if name not in variant.parts:
            yield Finding(f"engine.parts.{name}", f"there is no {quoted(name)} among the variant's parts")
    for name, lora in engine.loras.items():
        if lora.part not in variant.parts:
            yield Finding(f"engine.loras.{name}.part", f"there is no {quoted(lora.part)} among the variant's parts")
    for name, kind in engine.quantise.items():
        if kind == "gguf" and name not in variant.parts:
            yield Finding(f"engine.quantise.{name}", "a GGUF file is a part of the same name")
    if isinstance(engine.cache, FirstBlockCache) and any(
        each.startswith("Flux2") for each in engine.pipelines.values()
    ):
        yield Finding(
            "engine.cache", "first_block does not work with Flux 2 in this version of diffusers", "taylorseer does"
        )


def picture_findings(profile: ModelProfile) -> Iterator[Finding]:
    """Broken rules of a profile that makes pictures."""
    if not any(isinstance(v.engine, ExternalArgs) for v in profile.variants):  # what those can do, nobody lists
        yield from _tasks(profile)
    if profile.picture is not None:
        yield from _picture(profile.picture)
    elif profile.modality in ("image", "video") and any(_is_told_sizes(v) for v in profile.variants):
        yield Finding("", "a model that makes pictures says so under picture")
    if profile.clip is not None:
        yield from _clip(profile.clip)
    elif _OF_CLIPS & set(profile.tasks) and any(_is_told_sizes(v) for v in profile.variants):
        yield Finding("", "a model that makes clips says so under clip")


def _is_told_sizes(variant: Variant) -> bool:
    """Whether the gateway works out a job's size and steps for it; a server that somebody else runs does so itself."""
    engine = variant.engine
    return isinstance(engine, DiffusersArgs) or (isinstance(engine, ExternalArgs) and bool(engine.command))


def _tasks(profile: ModelProfile) -> Iterator[Finding]:
    able = {task for v in profile.variants if isinstance(v.engine, DiffusersArgs) for task in v.engine.pipelines}
    for i, task in enumerate(profile.tasks):
        if able and task in _PIPELINES and not able & _PIPELINES[task]:
            wanted = " or ".join(sorted(_PIPELINES[task]))
            yield Finding(f"tasks[{i}]", f"no variant has a pipeline for {task.value}", f"it takes {wanted}")


def _picture(picture: Picture) -> Iterator[Finding]:
    for name, side in (("width", picture.width), ("height", picture.height)):
        if side % picture.multiple and not picture.upscales:
            yield Finding(f"picture.{name}", f"{side} is no multiple of {picture.multiple}")
        if not picture.least_side <= side <= picture.most_side:
            yield Finding(f"picture.{name}", f"{side} is not between least_side and most_side")
    if picture.width * picture.height > picture.most_pixels:
        yield Finding("picture.most_pixels", "the default size is larger")
    if picture.steps > picture.most_steps:
        yield Finding("picture.steps", f"{picture.steps} is more than most_steps")


def _clip(clip: Clip) -> Iterator[Finding]:
    for name, count in (
        ("frames", clip.frames), ("least_frames", clip.least_frames), ("most_frames", clip.most_frames),
    ):  # fmt: skip
        if (count - clip.plus) % clip.every:
            yield Finding(f"clip.{name}", f"{count} is no multiple of {clip.every} plus {clip.plus}")
    if not clip.least_frames <= clip.frames <= clip.most_frames:
        yield Finding("clip.frames", f"{clip.frames} is not between least_frames and most_frames")
