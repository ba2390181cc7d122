"""What an installation tells while it runs."""

from typing import Protocol


class Progress(Protocol):
    """Takes a line for the operator and, where it is known, how much is done (0 to 1)."""

    def __call__(self, message: str, fraction: float | None = None) -> None: ...


def silent(message: str, fraction: float | None = None) -> None:
    """Tell nobody."""
