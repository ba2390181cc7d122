"""Whether there is room for the files of one more job. Pure; bytes."""

from msgspec import Struct

from backends.errors import BackendError, Cause

MIB = 1024**2
GIB = 1024**3


class Room(Struct, frozen=True, kw_only=True):
    """``each``: most that the files of one job may take; ``total``: all files together; ``keep_seconds``: how long
    a result is kept."""

    each: int = 512 * MIB
    total: int = 20 * GIB
    keep_seconds: float = 24 * 3600.0


def require_room(room: Room, taken: int, free: int | None) -> None:
    """Raises ``BackendError(STORAGE)`` when one more job could not be kept.

    ``taken`` by results; ``free`` on the disk, ``None`` where there is none.
    """
    if taken + room.each > room.total:
        raise BackendError(Cause.STORAGE, "all the room for results is taken: delete some, or wait until they expire")
    if free is not None and free < 2 * room.each:
        raise BackendError(Cause.STORAGE, f"the disk is nearly full: {free // MIB} MiB are free")
