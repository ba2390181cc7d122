"""Takes a client's own words out of what an engine said, so that an error which quotes a prompt can be logged. Pure.

Runs only where a request has failed. What stays readable are the engine's own words, also common ones that a long
prompt happens to contain.
"""

import re
from collections.abc import Iterator

from msgspec import DecodeError
from msgspec.json import decode

MARK = "[quoted]"
_RUN = 3
_LARGEST = 256 * 1024
_WORD = re.compile(r"\w+")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


def without_quotes(text: str, body: bytes) -> str:
    """``text`` without what it shares with the strings in the JSON ``body``: three words in a row (all of a shorter
    string), and any single word with a digit in it. Nothing is kept of what came with a body that is large or broken.
    """
    if not text or len(body) > _LARGEST:
        return text and MARK
    try:
        strings = [_words(string) for string in _strings(decode(body))]
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return MARK
    runs = {tuple(words[at : at + _RUN]) for words in strings for at in range(max(1, len(words) - _RUN + 1)) if words}
    odd = {word for words in strings for word in words if len(word) > _RUN and any(map(str.isdigit, word))}
    shown = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    places = list(_WORD.finditer(shown))
    words = [place[0].lower() for place in places]
    quoted = [word in odd for word in words]
    for size in range(1, _RUN + 1):
        for at in range(len(words) - size + 1):
            if tuple(words[at : at + size]) in runs:
                quoted[at : at + size] = [True] * size
    parts: list[str] = []
    end = 0
    for index, place in enumerate(places):
        if quoted[index]:
            if index == 0 or not quoted[index - 1]:
                parts += (shown[end : place.start()], MARK)
            end = place.end()
    return "".join([*parts, shown[end:]])


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _strings(item)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, dict):
        for item in value.values():  # pyright: ignore[reportUnknownVariableType]
            yield from _strings(item)  # pyright: ignore[reportUnknownArgumentType]
