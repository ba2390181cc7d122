"""How many bytes a variant is expected to take: computed, until it has been measured here.

Answers from memory. ``read_heads``, ``load`` and ``save`` touch disks and are for a thread.
"""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Engine

from backends.llama_cpp.args import LlamaCppArgs
from backends.weights.term import Term, total
from gateway.catalog.profile import EngineArgs, Variant
from gateway.scheduling.arithmetic import declared, diffusion, from_heads
from gateway.scheduling.demand import Demand
from gateway.scheduling.device import HOST
from gateway.scheduling.heads import Heads
from gateway.scheduling.peaks import Peak, Peaks

ANY_SIZE = Demand()
_PASSING = ("scratch", "output", "activations", "device context")
"""What a measurement may show to be smaller; weights and caches are never believed to be."""
_CACHES = ("KV cache", "recurrent state")
_PER_CARD = ("scratch", "device context")


class Expected(Struct, frozen=True, kw_only=True):
    """Bytes on the device and in host RAM. ``terms`` come to what was computed, also where a measurement replaced it.

    ``split_overhead_bytes``: what every card takes for itself, spread over several. ``measured_at`` is a UTC time.
    """

    device_bytes: int
    host_bytes: int
    source: Literal["computed", "measured", "declared"]
    terms: tuple[Term, ...]
    split_overhead_bytes: int = 0
    measured_at: str = ""

    @property
    def kv_bytes(self) -> int:
        """Of the computed bytes, what caches and states of sequences take."""
        return sum(term.bytes for term in self.terms if term.label.startswith(_CACHES))

    @property
    def compute_bytes(self) -> int:
        """Of the computed bytes, what work takes besides."""
        return sum(term.bytes for term in self.terms if term.label in _PASSING)

    @property
    def weights_bytes(self) -> int:
        """Of the computed bytes, the weights on the device."""
        return total(self.terms) - self.kv_bytes - self.compute_bytes


class Footprints:
    """One a process. ``runtime`` names the binding that an engine section will run with on this machine."""

    def __init__(
        self,
        peaks: Peaks | None = None,
        heads: Heads | None = None,
        runtime: Callable[[EngineArgs], str] = lambda args: "",
    ) -> None:
        self._peaks = peaks or Peaks()
        self._heads = heads or Heads()
        self._runtime = runtime

    def expected(
        self, variant_id: str, variant: Variant, demand: Demand = ANY_SIZE, device: str | None = None
    ) -> Expected:
        """What it takes for ``demand``. ``device`` is a kind (a card's name, ``cpu``); without one the most counts."""
        source, terms = self._computed(variant, demand)
        size, host = total(terms), total(terms, on_host=True)
        certain = sum(term.bytes for term in terms if not term.on_host and term.label not in _PASSING)
        known = self._measured(variant_id, variant, demand, device)
        figures = [_believed(each, size, certain, host) for each in known]
        replaced = bool(figures) and max(figures) != size
        return Expected(
            device_bytes=max(figures) if replaced else size,
            host_bytes=host,
            source="measured" if replaced else source,
            terms=terms,
            split_overhead_bytes=sum(term.bytes for term in terms if term.label in _PER_CARD),
            measured_at=max((each.measured_at for each in known), default="") if replaced else "",
        )

    def load_seconds(self, variant_id: str, variant: Variant) -> float:
        """The average of what was observed, else the profile's guess."""
        known = self._peaks.get(self._blank(variant_id, variant, "", "").key)
        return known.load_seconds if known is not None and known.loads else variant.footprint.load_seconds

    def note(
        self,
        variant_id: str,
        variant: Variant,
        taken: int,
        *,
        device: str,
        demand: Demand = ANY_SIZE,
        peak: bool = False,
    ) -> None:
        """Remember that it took ``taken`` bytes on a device of that kind (on ``cpu``: all of it).

        ``peak``: measured as the most it ever held, after real work for ``demand``. Only then a smaller figure than the
        computed one is believed; memory that grows lazily looks small right after a load.
        """
        self._peaks.note(self._blank(variant_id, variant, device, demand.bucket), taken, peak=peak)

    def note_load(self, variant_id: str, variant: Variant, seconds: float) -> None:
        """Remember how long a load took, from the start of its process until it took calls."""
        self._peaks.note_load(self._blank(variant_id, variant, "", ""), seconds)

    def read_heads(self, variants: Iterable[Variant]) -> None:
        """Read the heads of the weights that are on this machine. After a start, a reload and a pull; for a thread."""
        self._heads.read(variants)

    def load(self, database: Engine) -> None:
        """Read what earlier runs measured, and ``save`` there; for a thread."""
        self._peaks.load(database)

    def save(self) -> None:
        """Write what was noted since; for a thread."""
        self._peaks.save()

    def _computed(self, variant: Variant, demand: Demand) -> tuple[Literal["computed", "declared"], tuple[Term, ...]]:
        footprint, head = variant.footprint, self._heads.of(variant)
        if footprint.activation is not None:
            return "computed", diffusion(variant, footprint.activation, demand)
        if head is None or not isinstance(variant.engine, LlamaCppArgs):
            return "declared", declared(footprint)
        runtime = self._runtime(variant.engine) or "llama_cpp_python"
        return "computed", from_heads(variant.engine, footprint, head.weights, head.shape, runtime)

    def _measured(self, variant_id: str, variant: Variant, demand: Demand, device: str | None) -> list[Peak]:
        devices = (device,) if device is not None else self._peaks.devices(variant_id)
        blanks = (self._blank(variant_id, variant, each, demand.bucket) for each in devices)
        return [known for blank in blanks if (known := self._peaks.get(blank.key)) is not None and known.seen]

    def _blank(self, variant_id: str, variant: Variant, device: str, bucket: str) -> Peak:
        facts = (variant_id, variant.engine, variant.weights, self._runtime(variant.engine), device, bucket)
        key = sha256(msgspec.json.encode(facts)).hexdigest()
        return Peak(key=key, variant_id=variant_id, device=device, bucket=bucket)


def _believed(known: Peak, computed: int, certain: int, host: int) -> int:
    taken = known.bytes - (host if known.device == HOST else 0)
    return max(taken, certain) if known.peak else max(taken, computed)
