"""When a variant that failed may be tried again. Pure: times are passed in."""

from msgspec import Struct

FIRST_SECONDS = 30.0
LONGEST_SECONDS = 600.0
FORGIVEN_AFTER_SECONDS = 600.0


class Failure(Struct, frozen=True):
    """``count`` failures in a row; nothing is started before ``until`` (monotonic seconds)."""

    count: int
    until: float
    at: float
    reason: str


def after_load_failure(previous: Failure | None, now: float, reason: str) -> Failure:
    """30 s, doubling to 10 min: a crash loop must not evict healthy models again and again."""
    count = _streak(previous, now) + 1
    return Failure(count, now + _delay(count), now, reason)


def after_crash(previous: Failure | None, now: float, reason: str) -> Failure:
    """The first crash of a model that had been serving costs nothing; the next ones cool down like failed loads."""
    count = _streak(previous, now) + 1
    return Failure(count, now + _delay(count - 1), now, reason)


def _delay(failures: int) -> float:
    # The exponent is bounded: a model that fails for weeks must not overflow a float.
    return min(FIRST_SECONDS * 2 ** min(failures - 1, 16), LONGEST_SECONDS) if failures else 0.0


def _streak(previous: Failure | None, now: float) -> int:
    # Counted from the end of the cool-down: during it nothing could fail, so it proves nothing.
    if previous is None or now - previous.until > FORGIVEN_AFTER_SECONDS:
        return 0
    return previous.count
