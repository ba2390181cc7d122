"""What ``${name|filter=argument}`` may do to a value: about twenty small functions, and no language. Pure.

A filter raises ``FilterError`` for a value or an argument that it has no meaning for.
"""

import base64
import io
import math
import re
from collections.abc import Callable

from PIL import Image, ImageOps, UnidentifiedImageError

from backends.cloud.media.value import Blob, Size, Value

Filter = Callable[[Value, str], Value]


class FilterError(Exception):
    """In words for whoever wrote the file."""


def _size(value: Value) -> Size:
    if not isinstance(value, Size):
        raise FilterError("is for size")
    return value


def _number(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FilterError("is for numbers")
    return value


def _file(value: Value) -> Blob:
    if not isinstance(value, Blob):
        raise FilterError("is for files")
    return value


def _members(argument: str) -> list[str]:
    found = [each.strip() for each in argument.split(",")]
    if not all(found):
        raise FilterError("needs values with commas between them")
    return found


def _numbers(argument: str, between: str = ",") -> list[int | float]:
    try:
        return [float(each) if "." in each else int(each) for each in argument.split(between)]
    except ValueError:
        raise FilterError("needs numbers") from None


def _sides(text: str) -> tuple[float, float]:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\D(\d+(?:\.\d+)?)", text)
    sides = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    if not all(sides):
        raise FilterError("needs pairs such as 16:9")
    return sides


def _ratio(value: Value, argument: str) -> Value:
    size = _size(value)
    if not argument:
        common = math.gcd(size.width, size.height)
        return f"{size.width // common}:{size.height // common}"
    given = math.log(size.width / size.height)
    return min(_members(argument), key=lambda each: abs(math.log(_sides(each)[0] / _sides(each)[1]) - given))


def _nearest(value: Value, argument: str) -> Value:
    """Of the same shape first, then of the same area."""
    size = _size(value)

    def distance(text: str) -> tuple[float, float]:
        width, height = _sides(text)
        shape = abs(math.log(width / height) - math.log(size.width / size.height))
        return round(shape, 2), abs(math.log(width * height / (size.width * size.height)))

    return min(_members(argument), key=distance)


def _closest(value: float, allowed: list[int | float]) -> int | float:
    """Of two that are as near, the larger."""
    return min(allowed, key=lambda each: (abs(each - value), -each))


def _lines(value: Value, argument: str) -> Value:
    shorter = min(_size(value).width, _size(value).height)
    return f"{_closest(shorter, _numbers(argument)) if argument else shorter}p"


def _thousands(value: Value, argument: str) -> Value:
    longer = max(_size(value).width, _size(value).height) / 1024
    return f"{_closest(longer, _numbers(argument)) if argument else max(1, round(longer))}K"


def _clamp(value: Value, argument: str) -> Value:
    bounds = _numbers(argument, "..")
    if len(bounds) != 2 or bounds[0] > bounds[1]:
        raise FilterError("needs bounds such as 2..10")
    number = _number(value)
    found = min(max(number, bounds[0]), bounds[1])
    return int(found) if float(found).is_integer() else found


def _one_of(value: Value, argument: str) -> Value:
    if isinstance(value, str):
        allowed = _members(argument)
        return value if value in allowed else allowed[0]
    return _closest(_number(value), _numbers(argument))


def _map(value: Value, argument: str) -> Value:
    """By the text of the value; what is not named is missing."""
    named: dict[str, str] = {}
    for each in _members(argument):
        name, sign, meaning = each.partition("=")
        if not sign:
            raise FilterError("needs pairs such as png=image/png")
        named[name] = meaning
    return named.get(shown(value))


def _list(value: Value, _: str) -> Value:
    return [value]


def _first(value: Value, _: str) -> Value:
    if not isinstance(value, list):
        raise FilterError("is for lists")
    return value[0]


def _nth(value: Value, argument: str) -> Value:
    """From 1; missing where the list is shorter."""
    number = _numbers(argument)[0]
    if not isinstance(value, list) or not isinstance(number, int) or number < 1:
        raise FilterError("is for lists, and needs a number from 1")
    return value[number - 1] if number <= len(value) else None


def _side(value: Value, which: int) -> Value:
    """Also of a size that another filter has chosen."""
    if isinstance(value, str):
        return round(_sides(value)[which])
    return (_size(value).width, _size(value).height)[which]


def shown(value: Value) -> str:
    """As text: whole numbers without a point, booleans as JSON has them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float | Size):
        return str(value)
    raise FilterError("a file is no text: use b64 or data_uri")


def _transparent(value: Value, _: str) -> Value:
    """A mask of which white is to change, for those who want it without colour there."""
    try:
        with Image.open(io.BytesIO(_file(value).data), formats=("PNG", "JPEG", "WEBP")) as mask:
            kept = ImageOps.invert(mask.convert("L"))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        raise FilterError("is for pictures") from None
    shown = Image.merge("RGBA", (kept, kept, kept, kept))
    file = io.BytesIO()
    shown.save(file, "PNG", compress_level=1)
    return Blob(file.getvalue(), "image/png")


def _data_uri(value: Value, _: str) -> Value:
    blob = _file(value)
    return f"data:{blob.media_type};base64,{base64.b64encode(blob.data).decode()}"


FILTERS: dict[str, Filter] = {
    "ratio": _ratio,
    "nearest": _nearest,
    "w": lambda value, _: _side(value, 0),
    "h": lambda value, _: _side(value, 1),
    "p": _lines,
    "k": _thousands,
    "star": lambda value, _: f"{_size(value).width}*{_size(value).height}",
    "int": lambda value, _: round(_number(value)),
    "ceil": lambda value, _: math.ceil(_number(value)),
    "str": lambda value, _: shown(value),
    "s": lambda value, _: f"{shown(_number(value))}s",
    "lower": lambda value, _: shown(value).lower(),
    "clamp": _clamp,
    "oneof": _one_of,
    "map": _map,
    "b64": lambda value, _: base64.b64encode(_file(value).data).decode(),
    "data_uri": _data_uri,
    "transparent": _transparent,
    "mime": lambda value, _: _file(value).media_type,
    "list": _list,
    "first": _first,
    "nth": _nth,
}
WHOLE = frozenset({"list", "first", "nth"})
"""Those that take a list as it is; all others take its members one by one."""


def applied(name: str, value: Value, argument: str) -> Value:
    """``value`` through the filter ``name``, which is known. Raises ``FilterError``."""
    if isinstance(value, list) and name not in WHOLE:
        return [FILTERS[name](each, argument) for each in value]
    return FILTERS[name](value, argument)
