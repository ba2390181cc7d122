"""Is a working engine still making progress? Pure: the clock and the events are handed in.

An engine that hangs keeps its connections open and its process alive, so neither tells. Progress is a byte of any
stream, or an answer.
"""

from enum import Enum

from msgspec import Struct


class Verdict(Enum):
    """What to do now."""

    FINE = "fine"
    PROBE = "probe"
    DEAD = "dead"


class Liveness(Struct):
    """The last signs of life of one engine. Times are monotonic seconds.

    ``idle`` is how long work may make no progress before the engine is asked for one token; ``patience`` is how long
    that probe may take.
    """

    idle: float
    patience: float
    in_flight: int = 0
    progress_at: float = 0.0
    probing_since: float | None = None

    def began(self, now: float) -> None:
        """A request was sent. The first one starts the clock: an idle engine owes nothing."""
        if self.in_flight == 0:
            self.progress_at = now
        self.in_flight += 1

    def progressed(self, now: float) -> None:
        """Any byte of any stream came."""
        self.progress_at = now
        self.probing_since = None

    def ended(self, now: float) -> None:
        """A request is over, however. With nothing left in flight there is nothing to judge."""
        self.in_flight = max(0, self.in_flight - 1)
        if self.in_flight == 0:
            self.progressed(now)

    def verdict(self, now: float) -> Verdict:
        """``PROBE`` once per silence: it notes the probe's beginning. ``DEAD`` when the probe's time is up too."""
        if self.probing_since is not None:
            return Verdict.DEAD if now - self.probing_since >= self.patience else Verdict.FINE
        if self.in_flight == 0 or now - self.progress_at < self.idle:
            return Verdict.FINE
        self.probing_since = now
        return Verdict.PROBE
