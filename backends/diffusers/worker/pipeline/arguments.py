# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# torch and diffusers are not in the environment of the checks
"""From a job to the arguments of a pipeline's call, by the names that its signature has."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch

from backends.diffusers.args import DiffusersArgs
from backends.diffusers.config import WorkerConfig
from backends.diffusers.worker.film.played import Played
from backends.diffusers.worker.film.reading import last_frame, pictures_in
from backends.diffusers.worker.pipeline.pictures import read, read_mask, scaled
from backends.errors import BackendError, Cause
from backends.wire.media_job import MediaJob, Source

T = TypeVar("T")
_WINDOW = 9
"""Of FramePack, where the profile says nothing."""


class Arguments:
    """Made once a job: pictures that come with it are decoded once. ``width`` and ``height`` are what is generated."""

    def __init__(self, pipe: Any, job: MediaJob, config: WorkerConfig) -> None:
        self._pipe = pipe
        self._names = frozenset(inspect.signature(type(pipe).__call__).parameters)
        self._args: DiffusersArgs = config.args
        self._job = job
        self.width, self.height = config.args.native or (job.width, job.height)
        self.steps = job.steps or config.steps
        self._guidance = job.guidance if job.guidance is not None else config.guidance
        most = config.most_pixels
        self._images = [read(each, f"images[{i}]", most) for i, each in enumerate(job.images)]
        self._mask = None if job.mask is None else read_mask(job.mask, "mask", most)
        before = job.clip if job.task == "animate" else None
        self._before = None if before is None else _read(before, Played)
        self._last = None if job.last is None else read(job.last, "last", most)

    @property
    def sections(self) -> int:
        """In how many parts the pipeline makes the clip, each with all its steps."""
        frames = self._job.frames
        if frames is None:
            return 1
        counted = getattr(self._pipe, "sections_of", None)
        if counted is not None:
            return counted(frames)
        return 1 if self._window is None else self._windows(frames, self._window)

    @property
    def _window(self) -> int | None:
        """Latent pictures that FramePack makes at once; ``None`` for the others."""
        if "latent_window_size" not in self._names:
            return None
        window = self._args.call.get("latent_window_size", _WINDOW)
        assert isinstance(window, int)
        return window

    def _windows(self, frames: int, window: int) -> int:
        """Each adds its pictures to the one that is given."""
        return max(1, -(-(frames - 1) // (window * self._pipe.vae_scale_factor_temporal)))

    def _asked_frames(self, frames: int) -> int:
        """FramePack is asked for less than what it makes: the pictures where its windows meet count once."""
        if self._window is None:
            return frames
        return self._windows(frames, self._window) * ((self._window - 1) * self._pipe.vae_scale_factor_temporal + 1)

    def make(self, seeds: tuple[int, ...]) -> list[Any]:
        """Calls the pipeline: one picture for each of ``seeds``."""
        return pictures_of(self._pipe(**self._of(seeds)))

    def film(self, seed: int) -> Any:
        """Calls the pipeline: its output for one clip, with ``frames``, and ``audio`` where it makes any."""
        return self._pipe(**self._of((seed,)))

    @property
    def before(self) -> Played | None:
        """Pictures of the clip that goes on with what is made, as it is."""
        return self._before

    def _of(self, seeds: tuple[int, ...]) -> dict[str, Any]:
        job, many = self._job, len(seeds) > 1
        fields: dict[str, Any] = {
            "prompt": [job.prompt] * len(seeds) if many else job.prompt,
            "num_inference_steps": self.steps,
            "width": self.width,
            "height": self.height,
            "output_type": "pil" if job.frames is None else "np",
            "generator": _generators(seeds),
        }
        if job.frames is not None:
            fields |= {"num_frames": self._asked_frames(job.frames), "frame_rate": job.fps}
        if job.negative_prompt is not None:
            fields["negative_prompt"] = [job.negative_prompt] * len(seeds) if many else job.negative_prompt
        if self._args.guidance_argument is not None and self._guidance is not None:
            fields[self._args.guidance_argument] = self._guidance
        fields |= self._pictures()
        given = {name: list(value) if isinstance(value, tuple) else value for name, value in self._args.call.items()}
        # One section serves the classes of several tasks, and not every class has every argument.
        return {name: value for name, value in (given | fields).items() if name in self._names}

    def _pictures(self) -> dict[str, Any]:
        """What comes in: an edit looks at pictures as they are, a variation begins with one of the asked size."""
        job = self._job
        if job.task == "generate":
            return {}
        if job.task == "restyle":
            return self._clip()
        if job.task == "animate" and job.clip is not None:
            return {"image": scaled(_read(job.clip, last_frame), self.width, self.height)} | self._end()
        if not self._images:
            raise BackendError(Cause.INVALID_REQUEST, "this task needs a picture", param="images")
        if job.task == "edit":
            images = [each.convert("RGB") for each in self._images]
            return {"image": images[0] if len(images) == 1 else images}
        first = scaled(self._images[0].convert("RGB"), self.width, self.height)
        if job.task == "animate":
            return {"image": first} | self._end()
        fields: dict[str, Any] = {"image": first} if "image" in self._names else {"video": [first]}
        if job.strength is not None:
            fields["strength"] = job.strength
        if job.task == "inpaint":
            if self._mask is None:
                raise BackendError(Cause.INVALID_REQUEST, "this task needs a mask", param="mask")
            fields["mask_image"] = scaled(self._mask, self.width, self.height)
        return fields

    def _end(self) -> dict[str, Any]:
        """The picture that a clip ends with, where the class takes one."""
        if self._last is None:
            return {}
        if "last_image" not in self._names:
            raise BackendError(Cause.INVALID_REQUEST, "this model takes no last picture", param="last")
        return {"last_image": scaled(self._last.convert("RGB"), self.width, self.height)}

    def _clip(self) -> dict[str, Any]:
        """As many pictures of the clip as are wanted; where it is shorter, its last one stays."""
        job = self._job
        if job.clip is None or not job.clip.path:
            raise BackendError(Cause.INVALID_REQUEST, "this task needs the path of a clip", param="clip")
        pictures = [scaled(each, self.width, self.height) for each in _read(job.clip, pictures_in, job.frames or 1)]
        pictures += [pictures[-1]] * ((job.frames or 1) - len(pictures))
        return {"video": pictures} | ({} if job.strength is None else {"strength": job.strength})


def _read(clip: Source, how: Callable[..., T], *more: int) -> T:
    try:
        return how(Path(clip.path), *more)
    except (OSError, ValueError) as error:
        detail = "the clip cannot be read"
        raise BackendError(Cause.INVALID_REQUEST, detail, param="clip", private=str(error)) from None


def _generators(seeds: tuple[int, ...]) -> Any:
    """On the CPU: the same seed gives the same noise on every device."""
    each = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    return each if len(each) > 1 else each[0]


def pictures_of(output: Any) -> list[Any]:
    """What a pipeline gave: its pictures, or the first frame of each of its clips."""
    images = getattr(output, "images", None)
    if images is not None:
        return list(images)
    return [clip[0] for clip in output.frames]
