# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# torch and diffusers are not in the environment of the checks
"""The loaded model: one set of components, a pipeline for each task, one job at a time. Implements ``Model``."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from backends.diffusers.config import WorkerConfig
from backends.diffusers.worker.model import Control
from backends.diffusers.worker.pipeline.adapters import Adapters
from backends.diffusers.worker.pipeline.arguments import Arguments
from backends.diffusers.worker.pipeline.caches import StepCache
from backends.diffusers.worker.pipeline.clips import clip_files
from backends.diffusers.worker.pipeline.hooks import Hooks, Progress
from backends.diffusers.worker.pipeline.load import load, sibling, tune
from backends.diffusers.worker.pipeline.memory import Gauge
from backends.diffusers.worker.pipeline.pictures import artifact, fitted, framed, small
from backends.diffusers.worker.pipeline.preview import pictures
from backends.diffusers.worker.pipeline.residence import Residence
from backends.diffusers.worker.pipeline.shown import shown_of
from backends.errors import BackendError, Cause
from backends.wire.media_job import MediaJob, Memory, Preview


class PipelineHost:
    """Loads in its constructor, which raises ``BackendError``."""

    def __init__(self, config: WorkerConfig) -> None:
        self._config = config
        args = config.args
        torch.set_num_threads(args.threads or _cores())
        base = load(config)
        self._pipes: dict[str, Any] = {task: sibling(base, name) for task, name in args.pipelines.items()}
        self._scheduler = base.scheduler
        self._adapters = Adapters(base, args.loras, config.parts)
        self._residence = Residence(base, args, config.device)
        tune(base, args)
        self._fit = fitted if args.native is None else framed
        self._gauge = Gauge(config.device)
        self._cache = None if args.cache is None else StepCache(base, args.cache, config.steps)
        self._gauge.release()

    def check(self, job: MediaJob) -> None:
        """See ``Model``."""
        if job.task not in self._pipes:
            able = ", ".join(self._pipes)
            raise BackendError(Cause.INVALID_REQUEST, f"this model cannot {job.task}; it can {able}", param="task")
        if not job.seeds:
            raise BackendError(Cause.INVALID_REQUEST, "one seed a picture is needed", param="seeds")
        if job.frames is not None and not job.output.folder:
            raise BackendError(Cause.INVALID_REQUEST, "a clip needs a folder for its files", param="output")
        self._adapters.check(job.loras)

    def run(self, job: MediaJob, control: Control) -> None:
        """See ``Model``."""
        pipe = self._pipes[job.task]
        self._gauge.begin()
        try:
            arguments = Arguments(pipe, job, self._config)
            self._residence.enter(pipe)
            self._adapters.apply(pipe, job.loras)
            if self._cache is not None:
                self._cache.prepare(arguments.steps)
            (self._make if job.frames is None else self._film)(pipe, job, arguments, control)
        except (torch.cuda.OutOfMemoryError, MemoryError) as error:
            self._gauge.release()
            raise BackendError(
                Cause.OUT_OF_MEMORY, "there is not enough memory for a picture of this size", private=str(error)
            ) from None
        finally:
            self._residence.leave(pipe)

    def offload(self) -> None:
        """See ``Model``."""
        self._residence.offload()
        self._gauge.release()

    def onload(self) -> None:
        """See ``Model``."""
        self._residence.onload()

    def memory(self) -> Memory:
        """See ``Model``."""
        return self._gauge.memory()

    def _reuse(self) -> AbstractContextManager[None]:
        return nullcontext() if self._cache is None else self._cache.working()

    def _make(self, pipe: Any, job: MediaJob, arguments: Arguments, control: Control) -> None:
        size = self._config.args.batch
        rounds = [job.seeds[i : i + size] for i in range(0, len(job.seeds), size)]
        progress = Progress(control, len(rounds))
        done = 0
        for number, seeds in enumerate(rounds):
            progress.begin(number)
            self._begin(pipe)
            look = Previews(pipe, job, arguments, control, done, self._fit) if job.previews else None
            with Hooks(pipe, progress, control, look), self._reuse(), torch.no_grad():
                made = arguments.make(seeds)
            progress.end()
            for seed, picture in zip(seeds, made, strict=True):
                control.check()
                fitting = self._fit(picture, job.width, job.height)
                control.report(artifact(fitting, job.id, done, seed, job.output))
                done += 1
        progress.finish()

    def _film(self, pipe: Any, job: MediaJob, arguments: Arguments, control: Control) -> None:
        """One clip for each seed."""
        progress = Progress(control, len(job.seeds), arguments.sections)
        for index, seed in enumerate(job.seeds):
            progress.begin(index)
            self._begin(pipe)
            with Hooks(pipe, progress, control, None), self._reuse(), torch.no_grad():
                made = arguments.film(seed)
            progress.write()
            fit = None if self._config.args.native is None else self._fit
            for each in clip_files(shown_of(pipe, made, job, arguments, fit), job, index, seed):
                control.report(each)
            progress.end()
        progress.finish()

    def _begin(self, pipe: Any) -> None:
        """A scheduler keeps the state of its last run, also of one that was cut."""
        pipe.scheduler = type(self._scheduler).from_config(self._scheduler.config, **self._config.args.scheduler)


class Previews:
    """Called at each step; at as many of them as the job wants, it shows what there is so far."""

    def __init__(
        self, pipe: Any, job: MediaJob, arguments: Arguments, control: Control, first: int, fit: Callable[..., Any]
    ) -> None:
        self._pipe = pipe
        self._job = job
        self._arguments = arguments
        self._control = control
        self._first = first
        self._fit = fit
        self._shown = 0

    def __call__(self, estimate: Any, step: int, steps: int) -> None:
        job = self._job
        if self._shown >= job.previews or step < -(-steps * (self._shown + 1) // (job.previews + 1)) or step >= steps:
            return
        found = pictures(self._pipe, estimate, self._arguments.width, self._arguments.height)
        for row, picture in enumerate(found or ()):
            fitting = self._fit(picture, job.width, job.height)
            form, data = small(fitting)
            self._control.report(
                Preview(
                    index=self._first + row, number=self._shown, width=fitting.width, height=fitting.height,
                    format=form, data=data,
                )
            )  # fmt: skip
        self._shown += 1


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
