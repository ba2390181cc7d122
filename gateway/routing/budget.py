"""The retry budget: extra attempts stay under a share of the requests of the last seconds. Pure, clock passed in."""

from msgspec import Struct

SHARE = 0.2
WINDOW_SECONDS = 10.0
FLOOR = 3


class RetryBudget(Struct):
    """Counts requests and extra attempts in a sliding pair of windows."""

    share: float = SHARE
    start: float = 0.0
    requests: int = 0
    extra: int = 0
    before_requests: int = 0
    before_extra: int = 0

    def request(self, now: float) -> None:
        """A new request arrived."""
        self._roll(now)
        self.requests += 1

    def take(self, now: float) -> bool:
        """One extra attempt, if the budget has it; a small floor lets a quiet gateway retry at all."""
        self._roll(now)
        allowed = max(FLOOR, int(self.share * (self.requests + self.before_requests)))
        if self.extra + self.before_extra >= allowed:
            return False
        self.extra += 1
        return True

    def _roll(self, now: float) -> None:
        elapsed = now - self.start
        if elapsed < WINDOW_SECONDS:
            return
        fresh = elapsed < 2 * WINDOW_SECONDS
        self.before_requests = self.requests if fresh else 0
        self.before_extra = self.extra if fresh else 0
        self.requests = self.extra = 0
        self.start = now
