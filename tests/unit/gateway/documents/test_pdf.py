"""Reading PDFs in a process of its own: once each, within its time, and told by the field."""

import asyncio
import zlib

import pytest

from backends.errors import BackendError, Cause
from gateway.documents.pdf import PdfReader
from tests.fakes.pdf_file import pdf_file


async def test_a_text_is_read_once_and_known_from_then_on():
    reader = PdfReader()
    given = pdf_file(["One fish"])
    assert await reader.text(given, "here") == "Page 1:\nOne fish"
    reader._read = None  # type: ignore[method-assign,assignment]  # another process would be a failure
    assert await reader.text(given, "here") == "Page 1:\nOne fish"


async def test_a_fault_names_the_field_every_time():
    reader = PdfReader()
    for param in ("first", "second"):
        with pytest.raises(BackendError) as caught:
            await reader.text(b"nothing", param)
        assert (caught.value.cause, caught.value.param) == (Cause.INVALID_REQUEST, param)
        assert caught.value.detail == f"{param}: this is no PDF that can be read"


async def test_what_takes_too_long_is_ended():
    with pytest.raises(BackendError, match="too long"):
        await PdfReader(seconds=0.01).text(pdf_file(["a"]), "here")


async def test_one_that_is_killed_by_its_limits_is_told():
    """A page whose content grows a thousandfold as it is unpacked: more than it may take."""
    bomb = bombed(600_000_000)
    with pytest.raises(BackendError) as caught:
        await PdfReader().text(bomb, "here")
    assert caught.value.cause is Cause.INVALID_REQUEST


def bombed(size: int) -> bytes:
    packed = zlib.compressobj(9)
    parts = [packed.compress(b" " * 1_000_000) for _ in range(size // 1_000_000)]
    content = b"".join([*parts, packed.flush()])
    plain = pdf_file(["x"])
    begin = plain.index(b"<< /Length")
    end = plain.index(b"endstream") + len(b"endstream")
    stream = b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(content), content)
    return plain[:begin] + stream + plain[end:]


async def test_a_client_that_leaves_leaves_no_process():
    reader = PdfReader()
    task = asyncio.ensure_future(reader.text(pdf_file(["a"]), "here"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await reader.text(pdf_file(["a"]), "here") == "Page 1:\na"
