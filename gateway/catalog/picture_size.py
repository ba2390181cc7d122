"""From the size a client asks for to one that a model makes. Pure; pixels."""

from math import floor, sqrt

from gateway.catalog.profile import Picture

Size = tuple[int, int]


def snap(asked: Size | None, picture: Picture) -> Size:
    """The nearest size that ``picture`` allows, its aspect kept as far as the multiples let it; its own by default."""
    if asked is None:
        return picture.width, picture.height
    width, height = _within(float(asked[0]), float(asked[1]), picture)
    step = picture.multiple
    made = _limited(floor(width / step + 0.5), picture), _limited(floor(height / step + 0.5), picture)
    if made[0] * made[1] > picture.most_pixels:
        made = _limited(floor(width / step), picture), _limited(floor(height / step), picture)
    while made[0] * made[1] > picture.most_pixels and max(made) > step:
        # The longer side gives way: it changes the aspect least.
        made = (made[0] - step, made[1]) if made[0] >= made[1] else (made[0], made[1] - step)
    return made


def _within(width: float, height: float, picture: Picture) -> tuple[float, float]:
    """Scaled down into area and longest side, then up to the shortest, which wins."""
    shrink = min(1.0, picture.most_side / max(width, height), sqrt(picture.most_pixels / (width * height)))
    width, height = width * shrink, height * shrink
    grow = max(1.0, picture.least_side / min(width, height))
    return min(width * grow, picture.most_side), min(height * grow, picture.most_side)


def _limited(steps: int, picture: Picture) -> int:
    step = picture.multiple
    least, most = -(-picture.least_side // step) * step, picture.most_side // step * step
    return max(least, min(most, steps * step))
