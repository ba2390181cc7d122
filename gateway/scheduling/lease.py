"""The right to use a resident: travels with the response and is given back exactly once."""

from collections.abc import Callable

from backends.contract import Backend


class Lease:
    """Held from grant to the last byte. ``release`` is idempotent, synchronous and safe in any ``finally``.

    ``reason`` says why this variant, in words for the client; ``waited`` in seconds.
    """

    __slots__ = ("_give_back", "backend", "reason", "variant_id", "waited")

    def __init__(
        self, variant_id: str, backend: Backend, give_back: Callable[[], None], waited: float, reason: str
    ) -> None:
        self.variant_id = variant_id
        self.backend = backend
        self.waited = waited
        self.reason = reason
        self._give_back: Callable[[], None] | None = give_back

    def release(self) -> None:
        """Gives the slot back; later calls do nothing."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()
