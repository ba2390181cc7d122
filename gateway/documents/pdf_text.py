"""What became of a PDF, as the process that read it tells the gateway. Shape only."""

from msgspec import Struct


class PdfText(Struct, frozen=True, kw_only=True):
    """Either ``text``, or ``fault``: why there is none, in words for the client."""

    text: str = ""
    fault: str = ""
