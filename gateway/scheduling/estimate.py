"""How long a request will take and wait, from what was seen so far. Pure."""

from msgspec import Struct

_WEIGHT = 0.2
_UNKNOWN_SECONDS = 2.0


class ServiceTime(Struct):
    """Moving average of how long a lease of one variant is held, in seconds."""

    mean: float = _UNKNOWN_SECONDS
    seen: int = 0

    def add(self, seconds: float) -> None:
        """Counts one finished lease."""
        weight = _WEIGHT if self.seen >= 5 else 1.0 / (self.seen + 1)
        self.mean += weight * (seconds - self.mean)
        self.seen += 1

    def remaining(self, elapsed: float) -> float:
        """Seconds a lease that has been held for ``elapsed`` will still be; past the mean, half of the mean."""
        return max(self.mean - elapsed, self.mean / 2.0)


def predicted_wait(*, ahead: int, in_flight: int, slots: int, mean: float, load_remaining: float) -> float:
    """Seconds until a slot is free for a request with ``ahead`` others in front of it."""
    rounds = (ahead + in_flight + 1) / max(1, slots)
    return load_remaining + max(0.0, rounds - 1.0) * mean if in_flight + ahead >= slots else load_remaining
