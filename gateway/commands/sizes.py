"""Byte counts for people."""

_STEP = 1024


def size(count: float) -> str:
    """``18.4 GiB``, ``93.8 MiB``; bytes without a fraction."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < _STEP:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _STEP
    return f"{count:.1f} TiB"
