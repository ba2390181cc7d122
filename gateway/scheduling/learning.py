"""What engines teach about themselves: the bytes they took, the seconds they needed. ``Footprints`` keeps it."""

from collections.abc import Callable
from typing import Protocol

from gateway.catalog.profile import Variant
from gateway.scheduling.footprint import Footprints


class Named(Protocol):
    """What a variant id stands for."""

    @property
    def variant(self) -> Variant: ...


class Learning:
    """One per process. ``find`` raises ``BackendError`` for what the catalog has no more; ``changed`` is told when a
    figure may have moved.
    """

    def __init__(self, footprints: Footprints, find: Callable[[str], Named], changed: Callable[[], None]) -> None:
        self._footprints = footprints
        self._find = find
        self._changed = changed
        self._told: dict[str, tuple[int, bool]] = {}

    def took(self, variant_id: str, device: str, taken: int, *, worked: bool) -> None:
        """It held ``taken`` bytes on a device of that kind; ``worked``: after at least one request."""
        before = self._told.get(variant_id, (0, False))
        now = (max(taken, before[0]), worked or before[1])
        if not taken or now == before:
            return
        self._told[variant_id] = now
        variant = self._find(variant_id).variant
        self._footprints.note(variant_id, variant, now[0], device=device, peak=now[1])
        self._changed()

    def loaded(self, variant_id: str, seconds: float) -> None:
        """A load took so long, from the start of its process until it took calls."""
        self._told.pop(variant_id, None)
        self._footprints.note_load(variant_id, self._find(variant_id).variant, seconds)
        self._changed()

    def save(self) -> None:
        """Writes what is new; for a thread."""
        self._footprints.save()
