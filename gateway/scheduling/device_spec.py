"""A machine in words: ``2xRTX4090-24,ram=64``, or a file. For tests, simulations and plans. Reads files, no hardware.

Sizes are GiB unless they say otherwise; any name is allowed, and may hold dashes: the last one is before the size.
"""

import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from backends.errors import BackendError, Cause
from gateway.scheduling.device import HOST, Device, Inventory
from gateway.scheduling.policy import GIB

_FORM = 'write it like "2xRTX4090-24,ram=64" (two cards of 24 GiB, 64 GiB of host RAM), or name a .yaml or .json file'
_UNITS = {"": GIB, "g": GIB, "gib": GIB, "gb": 10**9, "m": 1024**2, "mib": 1024**2, "mb": 10**6, "t": 1024**4,
          "tib": 1024**4, "tb": 10**12}  # fmt: skip
_SIZE = r"(?P<size>\d+(?:\.\d+)?)\s*(?P<unit>[a-zA-Z]*)"
_CARDS = re.compile(rf"(?:(?P<count>\d{{1,3}})\s*[xX]\s*)?(?:(?P<name>[^,=]*?[^,=-])-)?{_SIZE}")
_RAM = re.compile(rf"ram\s*=\s*{_SIZE}")
_MOST_CARDS = 64

Size = str | int | float


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file form."""

    class Card(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        """Cards of one kind; ``foreign`` is what other programs hold on each."""

        name: str = "GPU"
        total: Size
        count: Annotated[int, Meta(ge=1, le=_MOST_CARDS)] = 1
        foreign: Size = 0

    devices: tuple[Card, ...] = ()
    ram: Size | None = None
    ram_foreign: Size = 0


def parse(text: str) -> Inventory:
    """The machine that ``text`` describes: cards in the order given, then host RAM if there is any.

    Raises ``BackendError(INVALID_REQUEST)`` with the right form.
    """
    words = text.strip().removeprefix("@")
    if words.endswith((".yaml", ".yml", ".json")):
        return _from_file(Path(words))
    cards: list[Device] = []
    ram: int | None = None
    for part in (piece.strip() for piece in words.split(",")):
        if (found := _RAM.fullmatch(part)) is not None:
            ram = _bytes(found["size"], found["unit"], text)
        elif (found := _CARDS.fullmatch(part)) is not None:
            size = _bytes(found["size"], found["unit"], text)
            cards += _cards(len(cards), int(found["count"] or 1), found["name"] or "GPU", size)
        else:
            raise _wrong(text)
    return _inventory(cards, ram, text)


def _from_file(path: Path) -> Inventory:
    try:
        given = msgspec.yaml.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise BackendError(Cause.INVALID_REQUEST, f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BackendError(Cause.INVALID_REQUEST, f"{path}: {error}") from None
    cards: list[Device] = []
    for kind in given.devices:
        foreign = _size(kind.foreign, str(path))
        cards += _cards(len(cards), kind.count, kind.name, _size(kind.total, str(path)), foreign)
    ram = None if given.ram is None else _size(given.ram, str(path))
    return _inventory(cards, ram, str(path), _size(given.ram_foreign, str(path)))


def _cards(first: int, count: int, name: str, size: int, foreign: int = 0) -> list[Device]:
    return [
        Device(id=f"gpu{first + number}", name=name, total_bytes=size, foreign_bytes=foreign, vendor="scripted")
        for number in range(count)
    ]


def _inventory(cards: list[Device], ram: int | None, text: str, foreign: int = 0) -> Inventory:
    if len(cards) > _MOST_CARDS or not (cards or ram):
        raise _wrong(text)
    host = Device(id=HOST, name="host RAM", total_bytes=ram or 0, foreign_bytes=foreign, vendor="scripted")
    return Inventory((*cards, host) if ram else tuple(cards))


def _size(said: Size, where: str) -> int:
    found = re.fullmatch(_SIZE, str(said).strip())
    if found is None:
        raise _wrong(where)
    return _bytes(found["size"], found["unit"], where)


def _bytes(size: str, unit: str, text: str) -> int:
    factor = _UNITS.get(unit.lower())
    if factor is None or not 0 <= float(size) <= 1e6:
        raise _wrong(text)
    return int(float(size) * factor)


def _wrong(text: str) -> BackendError:
    return BackendError(Cause.INVALID_REQUEST, f"{text[:80]!r} describes no machine: {_FORM}")
