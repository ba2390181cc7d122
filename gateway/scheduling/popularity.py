"""When a model will be asked for again, from when it was asked for before. Pure: times are passed in.

Requests that come like a clock are expected at the next stroke, those that come at random after the usual gap, and
those that have stopped coming later and later.
"""

from math import inf

from msgspec import Struct

from gateway.scheduling.ticket import Priority

_WEIGHT = 0.2
_BATCH_WEIGHT = 0.25
_FIRST_GUESS = 60.0
_FEW = 3
"""Gaps that say nothing yet: somebody tried a model, or a page asked twice."""


class Popularity(Struct):
    """Moving averages over the gaps between requests, in seconds. ``weight`` is 1 while people wait, less for batch."""

    last: float = -inf
    mean: float = 0.0
    variance: float = 0.0
    gaps: int = 0
    weight: float = 1.0

    def asked(self, now: float, priority: Priority) -> None:
        """Counts one request."""
        if self.last > -inf:
            gap = now - self.last
            share = max(_WEIGHT, 1.0 / (self.gaps + 1))
            difference = gap - self.mean
            self.mean += share * difference
            self.variance = (1.0 - share) * (self.variance + share * difference * difference)
            self.gaps += 1
        heard = 1.0 if priority is Priority.INTERACTIVE else _BATCH_WEIGHT
        self.weight += (_WEIGHT if self.gaps else 1.0) * (heard - self.weight)
        self.last = now

    @property
    def has_a_habit(self) -> bool:
        """Asked for often enough to say when it will be again."""
        return self.gaps >= _FEW

    def gap(self, now: float) -> float:
        """Seconds until the next request, by expectation; at least 0, infinite when it was never asked for."""
        if self.last == -inf:
            return inf
        silent = max(0.0, now - self.last)
        if not self.has_a_habit:
            return max(silent, _FIRST_GUESS)
        if silent > 2.0 * self.mean:
            return silent
        random = max(self.mean, silent)
        stroke = abs(self.mean - silent)
        regular = max(0.0, 1.0 - self.variance / (self.mean * self.mean)) if self.mean > 0 else 0.0
        return regular * stroke + (1.0 - regular) * random
