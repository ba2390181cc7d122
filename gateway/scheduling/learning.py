"""What engines teach about themselves: the bytes they took, the seconds they needed. ``Footprints`` keeps it."""

from collections.abc import Callable
from typing import Protocol

from backends.errors import BackendError
from gateway.catalog.profile import Variant
from gateway.scheduling.footprint import Footprints
from gateway.scheduling.replica import base_of


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
        self._unread: list[Variant] = []

    def took(self, variant_id: str, device: str, taken: int, *, worked: bool) -> None:
        """It held ``taken`` bytes on a device of that kind; ``worked``: after at least one request."""
        before = self._told.get(variant_id, (0, False))
        now = (max(taken, before[0]), worked or before[1])
        variant = self._variant(variant_id)
        if not taken or now == before or variant is None:
            return
        self._told[variant_id] = now
        self._footprints.note(base_of(variant_id), variant, now[0], device=device, peak=now[1])
        self._changed()

    def loaded(self, variant_id: str, seconds: float) -> None:
        """A load took so long, from the start of its process until it took calls. Its files are here now, too."""
        self._told.pop(variant_id, None)
        variant = self._variant(variant_id)
        if variant is None:
            return
        self._footprints.note_load(base_of(variant_id), variant, seconds)
        self._unread.append(variant)
        self._changed()

    def save(self) -> None:
        """Reads the heads of what was loaded for the first time and writes what is new; for a thread."""
        unread, self._unread = self._unread, []
        if unread:
            self._footprints.read_heads(unread)
        self._footprints.save()

    def _variant(self, variant_id: str) -> Variant | None:
        try:
            return self._find(variant_id).variant
        except BackendError:
            return None  # the catalog has changed since it was loaded: there is nobody to remember it for
