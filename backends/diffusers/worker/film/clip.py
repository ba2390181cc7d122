"""What there is to say of a movie's file. Reads and writes nothing."""

from fractions import Fraction

from msgspec import Struct


class Clip(Struct, frozen=True, kw_only=True):
    """Pictures of ``width`` × ``height`` pixels, ``fps`` a second; ``sound``: whether it has any."""

    frames: int
    fps: Fraction
    width: int
    height: int
    sound: bool

    @property
    def seconds(self) -> float:
        """How long it runs."""
        return float(self.frames / self.fps)
