"""How an engine ended, and what that says. Pure: reads numbers and text, signals nobody."""

import re
import signal as signals

from msgspec import Struct

from backends.errors import BackendError, Cause

_OUT_OF_MEMORY = re.compile(
    r"out of memory|out-of-memory|cannot allocate memory|failed to allocate|unable to allocate|bad_alloc"
    r"|MemoryError|ErrorOutOfDeviceMemory|ErrorOutOfHostMemory|CUBLAS_STATUS_ALLOC_FAILED|OutOfMemoryError"
    # vLLM's own checks: too little was free when it began, or the neighbours moved while it measured.
    r"|no available memory for the cache blocks|free memory on device.{1,120}is less than"
    r"|error in memory profiling|available memory on node.{1,120}is less than|is less than requested memory for kv",
    re.IGNORECASE,
)
_RAISED = re.compile(r"(?:^|[\s)])((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception)): \S")
_SAYS_NOTHING = ("engine core initialization failed", "see root cause above", "workerproc initialization failed")
_SHELL_KILLED = 137


class Exit(Struct, frozen=True, kw_only=True):
    """The end of an engine process. ``tail`` is the end of its log; ``stopped`` is true when we asked for it."""

    code: int | None
    signal: int | None
    tail: str = ""
    stopped: bool = False

    @property
    def crashed(self) -> bool:
        """Any end that nobody asked for, code 0 included: engines are known to die politely."""
        return not self.stopped

    @property
    def out_of_memory(self) -> bool:
        """Killed by signal 9 without our doing, or its last words say so."""
        killed = self.signal == signals.SIGKILL or self.code == _SHELL_KILLED
        return not self.stopped and (killed or says_out_of_memory(self.tail))

    @property
    def words(self) -> str:
        """``exit code 3`` or ``signal SIGKILL``."""
        if self.signal is None:
            return f"exit code {self.code}"
        try:
            return f"signal {signals.Signals(self.signal).name}"
        except ValueError:
            return f"signal {self.signal}"


def exit_of(returncode: int, *, tail: str, stopped: bool) -> Exit:
    """An ``Exit`` from a return code in the convention of ``subprocess`` (negative means a signal)."""
    if returncode < 0:
        return Exit(code=None, signal=-returncode, tail=tail, stopped=stopped)
    return Exit(code=returncode, signal=None, tail=tail, stopped=stopped)


def says_out_of_memory(text: str) -> bool:
    """True when a log tail names a failed allocation, of host or device memory."""
    return _OUT_OF_MEMORY.search(text) is not None


def load_error(end: Exit) -> BackendError:
    """Why an engine that ended before it was ready could not be loaded."""
    if end.out_of_memory:
        return BackendError(Cause.OUT_OF_MEMORY, "the engine ran out of memory while loading", private=_private(end))
    return BackendError(Cause.LOAD_FAILED, f"the engine stopped while loading ({end.words})", private=_private(end))


def telling_line(text: str) -> str:
    """The last exception that ``text`` names and that says more than that another one came before; else nothing."""
    for line in reversed(text.splitlines()):
        found = _RAISED.search(line)
        if found is not None and not any(words in line.lower() for words in _SAYS_NOTHING):
            return line[found.start(1) :].strip()
    return ""


def _private(end: Exit) -> str:
    """The log with its most telling line once more at the end, where those look who are shown the end only."""
    return "\n".join(part for part in (end.words, end.tail, telling_line(end.tail)) if part)
