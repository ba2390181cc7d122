"""The process that opens a PDF: bytes on its standard input, its text as JSON on its standard output.

A PDF may be made to cost any amount of time and memory, and its parser may be wrong: both happen here, under limits, in
a process that holds nothing else. Reads no files, knows no keys.
"""

import io
import resource
import sys
from collections.abc import Iterator

import msgspec
from pypdf import PdfReader
from pypdf.errors import FileNotDecryptedError, PyPdfError

from gateway.documents.pdf_text import PdfText

MOST_PAGES = 1000
MOST_CHARACTERS = 2_000_000
_MEMORY = 1024 * 1024 * 1024
_CPU_SECONDS = 30
_BROKEN = (PyPdfError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, OSError)
"""What a parser of any bytes may raise."""


def read_pdf(data: bytes) -> PdfText:
    """Page by page, each under its number. Never raises for what is in ``data``, short of memory."""
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            return PdfText(fault="the PDF is encrypted")
        count = len(reader.pages)
        if count > MOST_PAGES:
            return PdfText(fault=f"the PDF has {count} pages, at most {MOST_PAGES} are read")
        text = "\n\n".join(_pages(reader))
    except FileNotDecryptedError:
        return PdfText(fault="the PDF is encrypted")
    except MemoryError:
        return PdfText(fault="the PDF takes too much memory to read")
    except _BROKEN:
        return PdfText(fault="this is no PDF that can be read")
    if not text:
        return PdfText(fault="the PDF holds no text, only pictures of it")
    if len(text) > MOST_CHARACTERS:
        return PdfText(fault=f"the PDF has {len(text)} characters of text, at most {MOST_CHARACTERS} are read")
    return PdfText(text=text)


def _pages(reader: PdfReader) -> Iterator[str]:
    size = 0
    for number, page in enumerate(reader.pages, start=1):
        words = page.extract_text().strip()
        if words:
            yield f"Page {number}:\n{words}"
        size += len(words)
        if size > MOST_CHARACTERS:
            return


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    sys.stdout.buffer.write(msgspec.json.encode(read_pdf(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
