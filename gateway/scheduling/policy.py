"""What the operator may tune of placement. Data, and the one sum that head-room is. Bytes and seconds."""

from msgspec import Struct

from gateway.scheduling.device import Device

GIB = 1024**3


class Policy(Struct, frozen=True, kw_only=True):
    """Head-room kept free on every device: the larger of a share of it and a floor.

    A resident's price is its reload time by the chance ``horizon / (horizon + gap)`` that it is asked for again. The
    preferred variant may cost up to ``preference_seconds`` of that for each step of quality it is better, and a slow
    one is charged ``slowness_seconds`` for each time that a request takes longer on it.
    """

    headroom_ratio: float = 0.05
    headroom_bytes: int = GIB // 2
    horizon: float = 300.0
    preference_seconds: float = 5.0
    slowness_seconds: float = 10.0

    def usable(self, device: Device) -> int:
        """Bytes of ``device`` that engines of ours may plan with."""
        headroom = max(int(device.total_bytes * self.headroom_ratio), self.headroom_bytes)
        kept = device.foreign_bytes + (0 if device.budgeted else headroom)
        return max(0, device.total_bytes - kept) if device.healthy else 0
