"""NVML without a driver: cards, slices, processes and failures, as a test says."""

from msgspec import Struct, field

MIB = 1024**2


class NVMLError(Exception):
    """What every function of the library raises."""


class Memory(Struct):
    total: int
    used: int
    reserved: int = 0


class Process(Struct):
    pid: int
    usedGpuMemory: int | None


class Card(Struct, eq=False):
    """A card, or a slice of one. ``broken`` cards fail whatever is asked of them."""

    uuid: str
    name: str = "NVIDIA H100 80GB HBM3"
    total: int = 80_000 * MIB
    used: int = 0
    reserved: int = 600 * MIB
    compute: list[Process] = field(default_factory=list[Process])
    graphics: list[Process] = field(default_factory=list[Process])
    slices: "list[Card | None] | None" = None
    broken: bool = False


class FakeNvml:
    """Implements ``probe_nvidia.Nvml``. ``old``: a driver that knows neither memory's second version nor slices."""

    NVMLError = NVMLError
    nvmlMemory_v2 = 2

    def __init__(self, *cards: Card, driver: bool = True, old: bool = False) -> None:
        self.cards = cards
        self.driver = driver
        self.old = old
        self.opened = 0

    def nvmlInit(self) -> None:
        self.opened += 1
        if not self.driver:
            raise NVMLError("no driver")

    def nvmlDeviceGetCount(self) -> int:
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Card:
        return self._able(self.cards[index])

    def nvmlDeviceGetUUID(self, handle: Card) -> str:
        return self._able(handle).uuid

    def nvmlDeviceGetName(self, handle: Card) -> str:
        return self._able(handle).name

    def nvmlDeviceGetMemoryInfo(self, handle: Card, version: int | None = None) -> Memory:
        if version is None:
            return Memory(handle.total, handle.used + handle.reserved)
        if self.old:
            raise NVMLError("function not found")
        return Memory(handle.total, handle.used, handle.reserved)

    def nvmlDeviceGetMigMode(self, handle: Card) -> list[int]:
        if self.old:
            raise NVMLError("not supported")
        return [int(handle.slices is not None), 0]

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: Card) -> int:
        return len(handle.slices or ())

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: Card, index: int) -> Card:
        found = (handle.slices or [])[index]
        if found is None:
            raise NVMLError("no slice")
        return found

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Card) -> list[Process]:
        return handle.compute

    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: Card) -> list[Process]:
        if handle.slices == []:
            raise NVMLError("not on a slice")
        return handle.graphics

    @staticmethod
    def _able(card: Card) -> Card:
        if card.broken:
            raise NVMLError("GPU is lost")
        return card
