"""What engines were measured to take and how long they took to load: in memory, and in the state database.

Everything is asked of memory. ``load`` and ``save`` are for a thread; a database that is damaged or gone costs the
memory of earlier runs, never a request.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Engine,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    insert,
    select,
)
from sqlalchemy.exc import SQLAlchemyError

_log = logging.getLogger("forebay.scheduling")
_WEIGHT = 0.3
_metadata = MetaData()
_footprints = Table(
    "footprints",
    _metadata,
    Column("key", String(64), primary_key=True),
    Column("variant_id", String(160), nullable=False),
    Column("device", String(128), nullable=False),
    Column("bucket", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("peak", Boolean, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("measured_at", String(40), nullable=False),
    Column("load_seconds", Float[float](), nullable=False),
    Column("loads", Integer, nullable=False),
)


class Peak(Struct, frozen=True, kw_only=True):
    """``bytes`` is the most of what was seen ``seen`` times; ``peak``: the engine had worked by then.

    ``load_seconds`` is a moving average over ``loads``. ``key`` is the digest of everything the figures depend on.
    """

    key: str
    variant_id: str
    device: str
    bucket: str
    bytes: int = 0
    peak: bool = False
    seen: int = 0
    measured_at: str = ""
    load_seconds: float = 0.0
    loads: int = 0


class Peaks:
    """One a process. Until ``load`` it forgets when the process ends. ``now`` gives UTC time."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database: Engine | None = None
        self._now = now
        self._known: dict[str, Peak] = {}
        self._unsaved: set[str] = set()
        self._devices: dict[str, tuple[str, ...]] = {}

    def get(self, key: str) -> Peak | None:
        """What is known under ``key``."""
        return self._known.get(key)

    def devices(self, variant_id: str) -> tuple[str, ...]:
        """Kinds of devices on which it was measured."""
        return self._devices.get(variant_id, ())

    def load(self, database: Engine) -> None:
        """Read what earlier runs learned, and write there from now on; what this run has learned already stays."""
        self._database = database
        try:
            _metadata.create_all(database)
            with database.connect() as connection:
                rows = connection.execute(select(_footprints)).mappings().all()
            found = [msgspec.convert({str(name): each for name, each in row.items()}, Peak) for row in rows]
        except (SQLAlchemyError, msgspec.ValidationError) as error:
            _log.warning("measured footprints cannot be read: %s", type(error).__name__)
            return
        for each in found:
            self._known.setdefault(each.key, each)
            self._seen_on(each)

    def note(self, blank: Peak, size: int, *, peak: bool) -> None:
        """Count a measurement under the key of ``blank``; the largest is kept. ``peak``: it had worked by then."""
        known = self._known.get(blank.key, blank)
        self._put(msgspec.structs.replace(
            known, bytes=max(size, known.bytes), peak=known.peak or peak, seen=known.seen + 1,
            measured_at=self._now().isoformat(timespec="seconds"),
        ))  # fmt: skip

    def note_load(self, blank: Peak, seconds: float) -> None:
        """Count how long a load took."""
        known = self._known.get(blank.key, blank)
        weight = max(_WEIGHT, 1.0 / (known.loads + 1))
        mean = known.load_seconds + weight * (seconds - known.load_seconds)
        self._put(msgspec.structs.replace(known, load_seconds=mean, loads=known.loads + 1))

    def save(self) -> None:
        """Write what has changed since the last call."""
        unsaved = tuple(self._unsaved)
        self._unsaved.difference_update(unsaved)  # first: what is noted from here on is written by the next call
        rows = [msgspec.to_builtins(self._known[key]) for key in sorted(unsaved)]
        if not rows or self._database is None:
            return
        try:
            with self._database.begin() as connection:
                connection.execute(delete(_footprints).where(_footprints.c.key.in_(unsaved)))
                connection.execute(insert(_footprints), rows)
        except SQLAlchemyError as error:
            self._unsaved.update(unsaved)
            _log.warning("measured footprints cannot be written: %s", type(error).__name__)

    def _put(self, peak: Peak) -> None:
        self._known[peak.key] = peak
        self._seen_on(peak)
        self._unsaved.add(peak.key)

    def _seen_on(self, peak: Peak) -> None:
        devices = self._devices.get(peak.variant_id, ())
        if peak.device and peak.device not in devices:
            self._devices[peak.variant_id] = (*devices, peak.device)
