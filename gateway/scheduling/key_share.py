"""Fair queueing over API keys: each gets the same share of device seconds, whoever sends more requests. Pure.

Start-time fair queueing: a request's turn begins where the last one of its key ended in virtual time, or now.
Source: Goyal, Vin, Cheng, "Start-time Fair Queueing", 1996.
"""


class KeyShare:
    """Virtual time in device seconds. Forgets everything when nobody waits, so that it stays small."""

    __slots__ = ("_ends", "_now")

    def __init__(self) -> None:
        self._now = 0.0
        self._ends: dict[str, float] = {}

    def turn(self, key: str, cost: float) -> float:
        """The turn of a new request of ``key`` that will take ``cost`` device seconds."""
        begins = max(self._now, self._ends.get(key, 0.0))
        self._ends[key] = begins + cost
        return begins

    def granted(self, turn: float) -> None:
        """One with that turn was served: virtual time goes on."""
        self._now = max(self._now, turn)

    def gave_up(self, key: str, cost: float) -> None:
        """It cost nothing after all."""
        if key in self._ends:
            self._ends[key] = max(self._now, self._ends[key] - cost)

    def rest(self) -> None:
        """Nobody waits."""
        self._now = 0.0
        self._ends.clear()
