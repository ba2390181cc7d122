"""Whether a call may be paid for: what is left of four budgets, and of the most that one call may cost. Pure.

Amounts are billionths of a dollar, days and months those of UTC. A call counts on the day on which it was reserved:
with the most it may cost until it is settled, and with what it cost from then on, also where that is more than was
reserved.
"""

from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from backends.errors import BackendError, Cause
from gateway.spending.money import shown

Bound = Literal["request", "key_day", "key_month", "gateway_day", "gateway_month"]

_WORDS: dict[Bound, str] = {
    "request": "this key may spend on one request",
    "key_day": "is left of this key's cloud budget for today",
    "key_month": "is left of this key's cloud budget for this month",
    "gateway_day": "is left of the gateway's cloud budget for today",
    "gateway_month": "is left of the gateway's cloud budget for this month",
}


class Budget(Struct, frozen=True, kw_only=True):
    """The most that may be spent in a day, in a month, on one request; ``None`` sets no limit of that kind.

    0 refuses whatever is asked, also what is free. As made here it is 0: ``budget_of`` makes others.
    """

    day: int | None = 0
    month: int | None = 0
    request: int | None = None


def budget_of(*, day: int | None, month: int | None, request: int | None = None) -> Budget:
    """Of what somebody has given. Who gives neither a day nor a month has not said that anything may be spent: 0."""
    if day is None and month is None:
        return Budget(request=request)
    return Budget(day=day, month=month, request=request)


class Spent(Struct, frozen=True, kw_only=True):
    """What counts by now, reservations included: of the key, and of the gateway with all its keys."""

    key_day: int = 0
    key_month: int = 0
    gateway_day: int = 0
    gateway_month: int = 0


class Refusal(Struct, frozen=True, kw_only=True):
    """The bound with the least room, which ``estimate`` is past."""

    bound: Bound
    left: int
    estimate: int

    def error(self) -> BackendError:
        """How much is left of the gateway's is not for every key's holder: it says what others spend."""
        room = "nothing" if self.left == 0 else shown(self.left)
        gateways = self.bound.startswith("gateway")
        detail = (
            f"this request may cost {shown(self.estimate)}, and {'less' if gateways else room} {_WORDS[self.bound]}"
        )
        return BackendError(
            Cause.BUDGET_EXCEEDED, detail, private=f"{self.bound}: {room} left for {shown(self.estimate)}"
        )


def refusal(estimate: int, key: Budget, gateway: Budget, spent: Spent) -> Refusal | None:
    """``None`` when a call of up to ``estimate`` may be made, and counted, now."""
    rooms = _rooms(key, gateway, spent)
    if key.request is not None:
        rooms.append((key.request, "request", key.request == 0))
    tight = [room for room in rooms if estimate > room[0] or room[2]]
    if not tight:
        return None
    left, bound, _ = min(tight, key=lambda room: room[0])
    return Refusal(bound=bound, left=left, estimate=estimate)


def left(key: Budget, gateway: Budget, spent: Spent) -> int | None:
    """The most that the next call may cost; ``None``: no limit at all."""
    rooms = [room for room, _, _ in _rooms(key, gateway, spent)]
    return min(rooms + ([] if key.request is None else [key.request]), default=None)


def _rooms(key: Budget, gateway: Budget, spent: Spent) -> list[tuple[int, Bound, bool]]:
    """Room, whose it is, and whether there never was any."""
    limits: tuple[tuple[Bound, int | None, int], ...] = (
        ("key_day", key.day, spent.key_day),
        ("key_month", key.month, spent.key_month),
        ("gateway_day", gateway.day, spent.gateway_day),
        ("gateway_month", gateway.month, spent.gateway_month),
    )
    return [(max(0, limit - used), bound, limit == 0) for bound, limit, used in limits if limit is not None]


def day_of(now: float) -> str:
    """``2026-11-29``, of Unix seconds."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def month_of(day: str) -> str:
    """``2026-11``, of a day."""
    return day[:7]
