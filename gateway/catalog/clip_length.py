"""From the length a client asks for to a number of pictures that a model makes. Pure; seconds, pictures a second."""

from math import floor

from gateway.catalog.profile import Clip


def snap_frames(seconds: float | None, fps: float | None, clip: Clip) -> int:
    """The nearest number that ``clip`` allows for so many seconds at ``fps``; its own number by default."""
    if seconds is None:
        return clip.frames
    return nearest(seconds * (fps or clip.fps), clip)


def nearest(frames: float, clip: Clip) -> int:
    """The number nearest to ``frames`` that ``clip`` allows."""
    most = _steps(clip.most_frames, clip)
    least = -(-(clip.least_frames - clip.plus) // clip.every)
    steps = floor((frames - clip.plus) / clip.every + 0.5)
    return max(least, min(most, steps)) * clip.every + clip.plus


def _steps(frames: int, clip: Clip) -> int:
    return (frames - clip.plus) // clip.every
