"""A broken rule at a place inside a document. Data only."""

from msgspec import Struct


class Finding(Struct, frozen=True):
    """``where`` is a path inside the document, such as ``variants[0].engine``."""

    where: str
    message: str
    hint: str = ""
