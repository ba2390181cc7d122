# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# torch and diffusers are not in the environment of the checks
"""What happens at each step of a running pipeline: progress, previews, and the end of a job that was cancelled.

Works by the two things that every pipeline has: its progress bar, and its scheduler's ``step``.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from backends.diffusers.worker.model import Control
from backends.wire.media_job import Stage, Step

ENCODE, DENOISE, DECODE = 5.0, 85.0, 10.0
"""Parts of the time of one picture, in percent."""


class Progress:
    """Percent of a whole job that is made in ``rounds`` calls of the pipeline. Never falls.

    Some pipelines make a clip in ``sections``, with all steps for each of them.
    """

    def __init__(self, control: Control, rounds: int, sections: int = 1) -> None:
        self._control = control
        self._rounds = rounds
        self._round = 0
        self._sections = max(1, sections)
        self._section = -1
        self._most = 0.0

    def begin(self, number: int) -> None:
        """Round ``number`` begins."""
        self._round = number
        self._section = -1
        self._control.check()
        self._control.report(Stage(name="encode", percent=self._percent(0.0)))

    def denoise(self) -> None:
        """The steps begin, of the next section."""
        self._section = min(self._section + 1, self._sections - 1)
        done = DENOISE * self._section / self._sections
        self._control.report(Stage(name="denoise", percent=self._percent(ENCODE + done)))

    def step(self, i: int, n: int) -> None:
        """Step ``i`` of ``n`` is done. Raises ``JobStoppedError``."""
        i, n = i + self._section * n, n * self._sections
        self._control.report(Step(i=i, n=n, percent=self._percent(ENCODE + DENOISE * i / max(1, n))))
        self._control.check()

    def decode(self) -> None:
        """The steps are over, or those of a section."""
        if self._section == self._sections - 1:
            self._control.report(Stage(name="decode", percent=self._percent(ENCODE + DENOISE)))

    def write(self) -> None:
        """The pictures of a clip are there and become files."""
        self._control.check()
        self._control.report(Stage(name="write", percent=self._percent(ENCODE + DENOISE + DECODE / 2)))

    def end(self) -> None:
        """The pictures of this round are there."""
        self._percent(100.0)

    def finish(self) -> None:
        """Everything is."""
        self._control.report(Stage(name="finish", percent=100.0))

    def _percent(self, of_round: float) -> float:
        self._most = max(self._most, round((self._round * 100.0 + of_round) / self._rounds, 2))
        return self._most


class Bar:
    """Stands in for tqdm: counts steps, and raises ``JobStoppedError`` between two of them."""

    def __init__(self, progress: Progress, total: int, iterable: Iterable[Any] | None) -> None:
        self._progress = progress
        self._iterable = iterable
        self.n = 0
        self.total = total
        progress.denoise()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        for each in self._iterable or ():
            yield each
            self.update()

    def update(self, count: int = 1) -> None:
        """So many more steps are done."""
        self.n = min(self.total, self.n + count)
        self._progress.step(self.n, self.total)
        if self.n == self.total:
            self._progress.decode()

    def close(self) -> None:
        """Nothing is held."""

    def set_postfix(self, *_: object, **__: object) -> None:
        """Figures for a terminal: not shown."""

    def set_description(self, *_: object, **__: object) -> None:
        """The same."""


class Stepped:
    """In the place of a scheduler's ``step``, with its signature: pipelines look there whether it takes a generator."""

    def __init__(self, scheduler: Any, call: Callable[..., Any]) -> None:
        self._scheduler = scheduler
        self._call = call
        self.__wrapped__ = scheduler.step

    def __call__(self, *args: Any, **fields: Any) -> Any:
        return self._call(*args, **fields)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """A copied scheduler (LTX-2 has one for its sound) has a step of its own, and nobody listens to it."""
        copied = memo[id(self._scheduler)]
        return type(copied).step.__get__(copied)


class Hooks:
    """Puts itself into a pipeline for the time of one call: use as a context manager."""

    def __init__(self, pipe: Any, progress: Progress, control: Control, look: Callable[[Any, int, int], None] | None):
        self._pipe = pipe
        self._progress = progress
        self._control = control
        self._look = look
        self._steps = 0
        self._total = 0

    def __enter__(self) -> "Hooks":
        scheduler = self._pipe.scheduler
        self._step = scheduler.step
        scheduler.step = Stepped(scheduler, self._stepped)
        self._pipe.progress_bar = self._bar
        return self

    def __exit__(self, *_: object) -> None:
        del self._pipe.progress_bar
        del self._pipe.scheduler.step

    def _bar(self, iterable: Iterable[Any] | None = None, total: int | None = None) -> Bar:
        self._steps = 0
        self._total = total if total is not None else len(iterable)  # type: ignore[arg-type]
        return Bar(self._progress, self._total, iterable)

    def _stepped(self, *args: Any, **fields: Any) -> Any:
        self._control.check()
        done = self._step(*args, **fields)
        self._steps += 1
        if self._look is not None:
            estimate = _estimate(self._pipe.scheduler, done, args, fields)
            self._look(estimate, self._steps, self._total)
        return done


def _estimate(scheduler: Any, done: Any, args: tuple[Any, ...], fields: dict[str, Any]) -> Any:
    """What the picture will be, as far as this step can tell, in latents."""
    found: Any = done if isinstance(done, tuple) else (done,)
    if len(found) > 1:
        return found[1]
    if (original := getattr(found[0], "pred_original_sample", None)) is not None:
        return original
    outputs = getattr(scheduler, "model_outputs", None)
    if outputs and outputs[-1] is not None:
        return outputs[-1]  # multistep solvers keep predictions of the end
    if "FlowMatch" in type(scheduler).__name__ and getattr(scheduler, "step_index", None):
        velocity = fields.get("model_output", args[0] if args else None)
        sample = fields.get("sample", args[2] if len(args) > 2 else None)
        if velocity is not None and sample is not None:
            return sample - scheduler.sigmas[scheduler.step_index - 1] * velocity
    return getattr(found[0], "prev_sample", found[0])
