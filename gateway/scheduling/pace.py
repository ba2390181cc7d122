"""How fast variants work: seconds for a unit of what was asked, so that a job's cost is known before it runs. Pure.

Kept for the process only: the first job of a variant is counted as others of its kind were.
"""

_KEPT = 0.7
"""Of what was known, against one more job: caches and clocks make single jobs uneven."""


class Paces:
    """``work`` is in units of the caller, such as steps times pixels; the figures of one variant share a unit."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def note(self, variant_id: str, work: float, seconds: float) -> None:
        """A job of so much ``work`` took so long."""
        if work <= 0 or seconds <= 0:
            return
        pace = seconds / work
        before = self._seconds.get(variant_id)
        self._seconds[variant_id] = pace if before is None else _KEPT * before + (1 - _KEPT) * pace

    def seconds(self, variant_id: str, work: float) -> float | None:
        """What a job of so much ``work`` will take, or ``None`` while nothing is known."""
        pace = self._seconds.get(variant_id)
        return None if pace is None else pace * work
