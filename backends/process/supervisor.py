"""One engine process from launch to its last descendant's end. Decides nothing about restarts: the scheduler does."""

import asyncio
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec
import psutil

from backends.contract import LaunchPlan
from backends.errors import BackendError, Cause
from backends.process.exit import Exit, exit_of, load_error
from backends.process.group import kill_each, signal_group
from backends.process.identity import Identity, alive, boot_id, descendants, in_group
from backends.process.launch import spawn
from backends.process.ledger import Entry, Ledger
from backends.process.logs import LogRing
from backends.process.output import Output
from backends.process.probe import http_status
from backends.process.watch import watch_exit

_FIRST_POLL = 0.01
_LAST_POLL = 0.25
_PROBE_TIMEOUT = 2.0
_OK = 200
_LOG_DRAIN = 0.5
"""Seconds to wait, after the leader's end, for the rest of its log; a stranger may hold the pipe open."""
_GONE_POLL = 0.01
_GONE_PATIENCE = 10.0
"""Seconds to wait, after KILL, for the last of the family; what survives is stuck in a driver, and the reaper's."""


class EngineProcess:
    """A running engine. Make one with ``await EngineProcess.start(plan, ledger)``; end it with ``await stop()``.

    ``exited`` resolves to an ``Exit`` exactly once, after the whole group was killed and the leader reaped: any
    exit that ``stop`` or ``kill`` did not cause is a crash. Await it through ``wait``: a cancelled future stays so.
    The memory of the rest of the family is back when ``stop`` returns, a moment later as a rule.
    """

    def __init__(self, plan: LaunchPlan, child: subprocess.Popen[bytes], entry: Entry, ledger: Ledger) -> None:
        self.plan = plan
        self.logs = LogRing()
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._child = child
        self._entry = entry
        self._ledger = ledger
        self._output = Output(self.logs)
        self._asked_to_stop = False
        self._stopping: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, plan: LaunchPlan, ledger: Ledger) -> Self:
        """Launch ``plan`` and begin to watch it. Raises ``BackendError`` (``LOAD_FAILED``, ``STORAGE``)."""
        entries: list[Entry] = []

        def record(identity: Identity) -> None:
            command, folder = Path(plan.argv[0]).name, str(plan.socket.parent)
            entries.append(Entry(leader=identity, boot=boot_id(), command=command, folder=folder))
            ledger.record(entries[0])

        child, _ = spawn(plan, record)
        process = cls(plan, child, entries[0], ledger)
        watch_exit(child, process._on_end)
        assert child.stdout is not None
        try:
            await process._output.read(child.stdout)
        except BaseException:
            process.kill()
            raise
        return process

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def started_at(self) -> Identity:
        """The pid with its start time: what proves the process to others."""
        return self._entry.leader

    async def wait_ready(self, timeout: float | None = None) -> None:
        """Return when ``plan.ready_path`` answers 200; ``timeout`` in seconds, the plan's by default.

        Raises ``BackendError``: at once ``OUT_OF_MEMORY`` or ``LOAD_FAILED`` when the process ends, ``LOAD_FAILED``
        when time is up (the process is left to ``stop``). ``private`` holds the log's tail. Cancelling is safe.
        """
        limit = self.plan.start_timeout if timeout is None else timeout
        ready = asyncio.create_task(self._poll_ready())
        try:
            await asyncio.wait({ready, self.exited}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if self.exited.done():
                raise load_error(self.exited.result())
            if not ready.done():
                raise BackendError(
                    Cause.LOAD_FAILED, f"the engine was not ready within {limit:g} s", private=self.logs.tail()
                )
            ready.result()
        finally:
            ready.cancel()
        self._record_members()

    async def wait(self) -> Exit:
        """The end, whenever it comes. Cancelling this call changes nothing for others."""
        return await asyncio.shield(self.exited)

    async def stop(self, grace: float | None = None) -> None:
        """TERM to the group, ``grace`` seconds (the plan's by default), then KILL to all of it; returns once all of it
        is gone. After an exit that nobody asked for it only waits for that.

        Idempotent. Callers that come later join the ladder in progress; cancelling a caller does not cancel it.
        """
        if self._stopping is None:
            seconds = self.plan.stop_grace if grace is None else grace
            self._stopping = asyncio.create_task(self._descend(seconds))
        await asyncio.shield(self._stopping)

    def kill(self) -> None:
        """KILL now, also in the middle of a ``stop``; ``exited`` tells when it is over."""
        if self.exited.done() or self._ending is not None:
            return
        self._asked_to_stop = True
        self._kill_all()

    async def memory(self) -> int:
        """Bytes of host memory the engine holds, descendants included.

        One process: resident set. Several: proportional set where the system has it, else shared pages would count
        once for each.
        """
        return await asyncio.to_thread(_tree_bytes, self.pid)

    def pids(self) -> frozenset[int]:
        """Its own id and those of all its descendants; none once it has ended."""
        if self.exited.done():
            return frozenset()
        return frozenset((self.pid, *(member.pid for member in descendants(self.pid))))

    async def _poll_ready(self) -> None:
        delay = _FIRST_POLL
        while await http_status(self.plan.socket, self.plan.ready_path, _PROBE_TIMEOUT) != _OK:
            await asyncio.sleep(delay)
            delay = min(delay * 1.5, _LAST_POLL)

    def _record_members(self) -> None:
        # With these the reaper can prove and end a group whose leader died with the gateway.
        members = descendants(self.pid)
        if members and not self.exited.done():
            self._entry = msgspec.structs.replace(self._entry, members=members)
            self._ledger.record(self._entry)

    async def _descend(self, grace: float) -> None:
        if self._ending is None and not self.exited.done():
            self._asked_to_stop = True
            self._remember(descendants(self.pid))
            signal_group(self.pid, signal.SIGTERM)
            await asyncio.wait({self.exited}, timeout=grace)
            if not self.exited.done():
                self._kill_all()
        await asyncio.shield(self.exited)
        assert self._ending is not None
        await asyncio.shield(self._ending)

    def _kill_all(self) -> None:
        # Children are found through their parents, so look before the parents are gone.
        self._remember(descendants(self.pid))
        signal_group(self.pid, signal.SIGKILL)
        kill_each(self._entry.members)

    def _remember(self, found: tuple[Identity, ...]) -> None:
        members = tuple(dict.fromkeys((*self._entry.members, *found)))
        self._entry = msgspec.structs.replace(self._entry, members=members)

    def _on_end(self) -> None:
        """The leader has ended but is not reaped: its pid still names our group, so the group can be killed safely."""
        self._remember(in_group(self.pid))
        signal_group(self.pid, signal.SIGKILL)
        kill_each(self._entry.members)
        self._ending = asyncio.create_task(self._finish())

    async def _finish(self) -> None:
        returncode = self._child.wait()
        await self._output.drained(_LOG_DRAIN)
        if self._child.stdin is not None:
            with suppress(OSError):
                self._child.stdin.close()
        with suppress(OSError):
            self.plan.socket.unlink(missing_ok=True)
        gone = not self._family_lives()
        if gone:
            self._ledger.forget(self._entry)
        if not self.exited.done():
            self.exited.set_result(exit_of(returncode, tail=self.logs.tail(), stopped=self._asked_to_stop))
        if not gone:
            await self._outlive_family()

    def _family_lives(self) -> bool:
        return any(alive(member) for member in self._entry.members)

    async def _outlive_family(self) -> None:
        deadline = asyncio.get_running_loop().time() + _GONE_PATIENCE
        while self._family_lives():
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(_GONE_POLL)
        self._ledger.forget(self._entry)


def _tree_bytes(pid: int) -> int:
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(_bytes_of(process, shared=len(tree) > 1) for process in tree)


def _bytes_of(process: psutil.Process, *, shared: bool) -> int:
    try:
        if shared:
            full = process.memory_full_info()
            return int(getattr(full, "pss", full.rss))
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
