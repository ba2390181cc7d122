"""One line of the doctor, and how bad it is."""

from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(Struct, frozen=True, kw_only=True):
    """``subject`` is what was looked at."""

    level: Level
    subject: str
    message: str


def fine(subject: str, message: str) -> Finding:
    """It is as it should be."""
    return Finding(level=Level.OK, subject=subject, message=message)


def note(subject: str, message: str) -> Finding:
    """It may matter."""
    return Finding(level=Level.WARNING, subject=subject, message=message)


def wrong(subject: str, message: str) -> Finding:
    """It does not work."""
    return Finding(level=Level.ERROR, subject=subject, message=message)
