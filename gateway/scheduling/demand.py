"""What one request needs of a variant, as far as its memory depends on it. Pure."""

from msgspec import Struct

_SMALLEST = 8
"""Exponent of the smallest side of a bucket: 256 pixels."""


class Demand(Struct, frozen=True, kw_only=True):
    """Tokens of context, pixels, frames and pictures at once. 0 is unknown."""

    context_tokens: int = 0
    width: int = 0
    height: int = 0
    frames: int = 0
    images: int = 0

    @property
    def bucket(self) -> str:
        """Requests of about the same size: the next powers of two of area, frames and pictures, ``1024x1024x1f``.

        Empty when no size is known: the memory of a language model does not depend on the request.
        """
        if not self.width or not self.height:
            return ""
        exponent = max(2 * _SMALLEST, _exponent(self.width * self.height))
        pictures = f"x{1 << _exponent(self.images)}" if self.images > 1 else ""
        return f"{1 << (exponent + 1) // 2}x{1 << exponent // 2}x{1 << _exponent(self.frames)}f{pictures}"


def _exponent(count: int) -> int:
    return (max(1, count) - 1).bit_length()
