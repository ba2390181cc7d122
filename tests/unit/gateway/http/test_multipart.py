"""Forms with files: what arrives, what is refused and by which field's name, however the bytes are cut."""

import asyncio
import random

import pytest

from backends.errors import BackendError, Cause
from gateway.http.multipart import FormLimits, boundary_of, is_form, read_form

BOUNDARY = b"----edge"
LIMITS = FormLimits()
SMALL = FormLimits(
    most_bytes=4000, most_file_bytes=1000, most_text_bytes=200, most_files=3, most_texts=4, deadline=30.0
)
GONE = {"type": "http.disconnect"}


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        head += f'; filename="{filename}"\r\nContent-Type: image/png'
    return b"--" + BOUNDARY + b"\r\n" + head.encode() + b"\r\n\r\n" + value + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


def scope(kind: bytes = b"multipart/form-data; boundary=" + BOUNDARY, length: int | None = None) -> dict:
    headers = [(b"content-type", kind)]
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    return {"type": "http", "headers": headers}


class Sending:
    """A client that sends ``chunks`` and then nothing; ``taken`` of them were asked for."""

    def __init__(self, *chunks: bytes, end: bool = True) -> None:
        self.left = list(chunks)
        self.end = end
        self.taken = 0

    async def __call__(self):
        if self.left:
            self.taken += 1
            chunk = self.left.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(self.left) or not self.end}
        return await asyncio.Event().wait()


async def reading(folder, *chunks: bytes, limits=LIMITS, given: dict | None = None, receive=None):
    async with asyncio.timeout(30):
        return await read_form(given or scope(), receive or Sending(*chunks), folder, limits)


async def refused(folder, *chunks: bytes, limits=SMALL, given: dict | None = None, receive=None) -> BackendError:
    with pytest.raises(BackendError) as raised:
        await reading(folder, *chunks, limits=limits, given=given, receive=receive)
    return raised.value


async def test_texts_and_files_come_in_order_under_their_names(tmp_path):
    first, second = b"\x89PNG\r\n\x00" * 3, b"--" + BOUNDARY[:-1] + b"x\r\n"
    form = await reading(
        tmp_path,
        body(
            part("prompt", "a café".encode()),
            part("image[]", first, "a.png"),
            part("image[]", second, "../../etc/passwd"),
            part("mask", b"", "m.png"),
            part("n", b"2"),
        ),
    )
    assert form.texts == (("prompt", "a café"), ("n", "2"))
    assert [(file.field, file.label, file.size) for file in form.files] == [
        ("image", "image[0]", len(first)),
        ("image", "image[1]", len(second)),
        ("mask", "mask", 0),
    ]
    assert [file.path.read_bytes() for file in form.files] == [first, second, b""]
    assert {file.path.parent for file in form.files} == {tmp_path}, "a name of the client's makes no path"


async def test_one_image_is_called_as_it_was_sent_and_the_next_by_its_number(tmp_path):
    form = await reading(tmp_path, body(part("image", b"a", "a"), part("image", b"b"), part("mask", b"c")))
    assert [file.label for file in form.files] == ["image", "image[1]", "mask"]


@pytest.mark.parametrize("seed", range(20))
async def test_however_the_bytes_are_cut_the_form_is_the_same(tmp_path, seed):
    chance = random.Random(seed)
    data = chance.randbytes(3000) + b"\r\n--" + BOUNDARY[:5] + b"\r\r\n" + chance.randbytes(2000)
    whole = body(part("prompt", b"two\r\nlines"), part("image", data, "x"), part("size", b"64x64"))
    cuts = sorted(chance.randrange(len(whole)) for _ in range(chance.randrange(1, 40)))
    chunks = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    form = await reading(tmp_path, *chunks)
    assert form.texts == (("prompt", "two\r\nlines"), ("size", "64x64"))
    assert form.files[0].path.read_bytes() == data


@pytest.mark.parametrize(
    "kind",
    [
        b"application/json",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b"multipart/mixed; boundary=x",
        b"multipart/form-data; boundary=" + b"x" * 201,
        b"",
        b"\xff\xfe",
    ],
)
async def test_other_bodies_are_refused_unread(tmp_path, kind):
    receive = Sending(b"anything")
    error = await refused(tmp_path, given=scope(kind), receive=receive)
    assert error.cause is Cause.UNSUPPORTED_MEDIA
    assert receive.taken == 0


def test_boundaries_may_be_quoted():
    assert boundary_of(scope(b'Multipart/Form-Data; charset=utf-8; boundary="a b"')) == b"a b"
    assert is_form(scope())
    assert not is_form(scope(b"application/json"))


async def test_a_file_too_large_is_named_before_the_rest_is_read(tmp_path):
    chunks = [part("image[]", b"x" * 500, "a"), part("image[]", b"y" * 900, "b")[:-2], b"y" * 101, b"y" * 500]
    receive = Sending(*chunks)
    error = await refused(tmp_path, receive=receive)
    assert (error.cause, error.param, error.code) == (Cause.INVALID_REQUEST, "image[1]", "file_too_large")
    assert error.detail == "image[1]: a file has at most 1000 bytes"
    assert receive.taken == 3


async def test_the_last_size_that_passes(tmp_path):
    form = await reading(tmp_path, body(part("image", b"x" * 1000, "a")), limits=SMALL)
    assert form.files[0].size == 1000
    files = [part("image", b"x" * 1000, "a")] * 3
    whole = body(*files, part("prompt", b"p" * 200))
    exact = FormLimits(most_bytes=len(whole), most_file_bytes=1000, most_text_bytes=200)
    (tmp_path / "again").mkdir()
    assert len((await reading(tmp_path / "again", whole, limits=exact)).files) == 3
    less = FormLimits(most_bytes=len(whole) - 1, most_file_bytes=1000, most_text_bytes=200)
    (tmp_path / "less").mkdir()
    error = await refused(tmp_path / "less", *(whole[i : i + 50] for i in range(0, len(whole), 50)), limits=less)
    assert (error.cause, error.param) == (Cause.INVALID_REQUEST, "prompt")


async def test_a_declared_size_past_the_limit_is_refused_when_the_field_is_known(tmp_path):
    chunks = [part("prompt", b"a dog")[:40], part("prompt", b"a dog")[40:], part("image", b"", "x")[:-2], b"x" * 100]
    receive = Sending(*chunks, end=False)
    error = await refused(tmp_path, receive=receive, given=scope(length=65_000_000))
    assert (error.cause, error.param, error.code) == (Cause.INVALID_REQUEST, "image", "file_too_large")
    assert receive.taken == 3
    assert not list(tmp_path.iterdir()), "nothing was stored"


async def test_a_large_body_that_names_nothing_is_refused_as_a_whole(tmp_path):
    receive = Sending(*[b"-" * 8192] * 100)
    error = await refused(tmp_path, receive=receive, given=scope(length=65_000_000))
    assert (error.cause, error.param) == (Cause.TOO_LARGE, None)
    assert receive.taken <= 3
    error = await refused(tmp_path, b"-" * 5000, limits=SMALL)
    assert error.cause is Cause.TOO_LARGE, "also when it declared nothing"


async def test_counts_of_files_and_texts(tmp_path):
    error = await refused(tmp_path, body(*[part("image[]", b"x", "a")] * 4))
    assert (error.cause, error.param) == (Cause.INVALID_REQUEST, "image[3]")
    error = await refused(tmp_path, body(*[part(f"f{i}", b"x") for i in range(5)]))
    assert (error.cause, error.param) == (Cause.INVALID_REQUEST, "f4")


async def test_texts_are_bounded_together(tmp_path):
    error = await refused(tmp_path, body(part("a", b"x" * 150), part("b", b"x" * 51)))
    assert (error.cause, error.param, error.code) == (Cause.INVALID_REQUEST, "b", "text_too_large")


async def test_files_come_only_where_files_belong(tmp_path):
    error = await refused(tmp_path, body(part("prompt", b"x", "prompt.txt")))
    assert (error.cause, error.param) == (Cause.INVALID_REQUEST, "prompt")
    error = await refused(tmp_path, body(part("", b"x")))
    assert error.cause is Cause.INVALID_REQUEST
    error = await refused(tmp_path, body(part("x" * 129, b"x")))
    assert error.cause is Cause.INVALID_REQUEST


async def test_texts_are_utf_8(tmp_path):
    error = await refused(tmp_path, body(part("prompt", b"\xff\xfe")))
    assert (error.cause, error.param) == (Cause.INVALID_REQUEST, "prompt")


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"no form at all",
        part("image", b"half", "a")[:-2],
        part("prompt", b"whole, but nothing says that it ends"),
        b"--" + BOUNDARY + b"\r\nContent-Type: text/plain\r\n\r\nx\r\n--" + BOUNDARY + b"--\r\n",
        b"--" + BOUNDARY + b"\r\nContent-Disposition: attachment; name=x\r\n\r\nx\r\n--" + BOUNDARY + b"--\r\n",
        b"--" + BOUNDARY + b"\r\n" + b"x" * 6000,
        b"--" + BOUNDARY + b"\r\n" + b"a: b\r\n" * 20 + b"\r\nx\r\n--" + BOUNDARY + b"--\r\n",
        b"--" + BOUNDARY + b"\nContent-Disposition: form-data; name=x\n\nx",
        part("a", b"1") * 200 + b"--" + BOUNDARY + b"--",
    ],
)
async def test_what_is_no_form_is_said_to_be_none(tmp_path, broken):
    error = await refused(tmp_path, broken, limits=FormLimits(most_texts=50, most_files=3))
    assert error.cause is Cause.INVALID_REQUEST


async def test_a_client_that_leaves_and_one_that_drips(tmp_path):
    async def leaving():
        return GONE

    assert (await refused(tmp_path, receive=leaving)).cause is Cause.CLIENT_GONE
    quick = FormLimits(deadline=0.05)
    dripping = Sending(part("prompt", b"x"), end=False)
    assert (await refused(tmp_path, receive=dripping, limits=quick)).cause is Cause.REQUEST_TIMEOUT


async def test_a_folder_that_cannot_be_written_is_storage(tmp_path):
    error = await refused(tmp_path / "absent", body(part("image", b"x", "a")))
    assert error.cause is Cause.STORAGE
    assert str(tmp_path) not in error.detail
