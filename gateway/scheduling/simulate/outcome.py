"""What became of one simulated request. Data; seconds of virtual time."""

from msgspec import Struct

from gateway.scheduling.ticket import Priority


class Outcome(Struct, eq=False, kw_only=True):
    """``granted`` is ``None`` while it waits and when it was ``refused``; ``fair`` is what it would fairly wait."""

    model: str
    key: str
    priority: Priority
    asked: float
    seconds: float
    slots: int
    fair: float
    granted: float | None = None
    ended: float | None = None
    refused: bool = False
    devices: tuple[str, ...] = ()
    variant_id: str = ""

    @property
    def waited(self) -> float:
        """Until it was granted or refused."""
        end = self.granted if self.granted is not None else self.ended
        return 0.0 if end is None else end - self.asked
