"""How long work shows itself on a terminal: a bar a step, plain lines where nobody watches. Writes to stderr only."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

_PLAIN_EVERY = 5.0


def making_bar() -> Progress:
    """A bar in percent for something that is made; gone when it is left."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


class FileBars:
    """A bar a file, with bytes, speed and time left. Called as ``backends.weights.pull.Progress``."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._bars = Progress(*columns, TimeRemainingColumn(), console=self._console)
        self._tasks: dict[str, TaskID] = {}
        self._said: dict[str, float] = {}

    def __enter__(self) -> "FileBars":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tasks:
            self._bars.stop()

    def __call__(self, name: str, done: int, total: int) -> None:
        """``done`` of ``total`` bytes; 0 is an unknown total."""
        if not self._console.is_terminal:
            self._say(name, done, total)
            return
        if not self._tasks:  # not before: pip draws on the same terminal until then
            self._bars.start()
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total or None)
        self._bars.update(self._tasks[name], completed=done)

    def _say(self, name: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done < total and now - self._said.get(name, 0.0) < _PLAIN_EVERY:
            return
        self._said[name] = now
        share = f"{done / total:.0%} of {total / 1e6:.0f} MB" if total else f"{done / 1e6:.0f} MB"
        self._console.print(f"{name}: {share}", soft_wrap=True)


class StepLine:
    """Messages of an installation, with a bar while a share is known. Called as an environment's ``Progress``."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=self._console)
        self._task: TaskID | None = None
        self._said = -1

    def __enter__(self) -> "StepLine":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:  # one that never started would print an empty line
            self._bar.stop()

    def __call__(self, message: str, fraction: float | None = None) -> None:
        """One line, or one more step of the bar."""
        if fraction is not None and self._console.is_terminal:
            if self._task is None:
                self._bar.start()
                self._task = self._bar.add_task(message, total=1.0)
            self._bar.update(self._task, completed=fraction, description=message)
            return
        tenth = -1 if fraction is None else int(fraction * 10)
        if fraction is None or tenth != self._said:
            self._said = tenth
            self._console.print(message, soft_wrap=True, highlight=False)
