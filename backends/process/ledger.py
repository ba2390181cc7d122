"""Engine processes written down on disk, so that the next gateway can end what a killed one left behind.

One small file for each process group, in a directory of its own. Only the holder of the state lock writes here.
"""

from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.process.identity import Identity

_SUFFIX = ".json"


class Entry(Struct, frozen=True, kw_only=True):
    """One engine: its leader (whose pid is also the group's number) and the descendants seen when it was ready.

    ``folder`` is the run folder that was made for it alone, empty when there is none.
    """

    leader: Identity
    boot: str
    command: str
    members: tuple[Identity, ...] = ()
    folder: str = ""

    @property
    def group(self) -> int:
        return self.leader.pid


class Ledger:
    """The directory of entries."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def record(self, entry: Entry) -> None:
        """Write or replace an entry; whole or not at all. Raises ``BackendError(STORAGE)``."""
        path = self._path(entry)
        temporary = path.with_suffix(".new")
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary.write_bytes(msgspec.json.encode(entry))
            temporary.replace(path)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise BackendError(
                Cause.STORAGE, "the state directory cannot be written", private=f"{path}: {error}"
            ) from error

    def forget(self, entry: Entry) -> None:
        """Remove an entry. One that cannot be removed is harmless: the process it names is gone."""
        try:
            self._path(entry).unlink(missing_ok=True)
        except OSError:
            return

    def entries(self) -> tuple[Entry, ...]:
        """All readable entries. Files that are not entries are removed: no process can be proven from them."""
        found: list[Entry] = []
        for path in sorted(self._directory.glob(f"*{_SUFFIX}")):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Entry))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                path.unlink(missing_ok=True)
            except OSError:
                continue
        return tuple(found)

    def _path(self, entry: Entry) -> Path:
        return self._directory / f"{entry.leader.pid}-{entry.leader.start}{_SUFFIX}"
