"""Heads of pictures against Pillow's reading of the same files, and what damaged ones get instead."""

import io
import struct

import pytest
from PIL import Image

from gateway.http.picture_head import Head, PictureError, read_head, require_whole
from tests.fakes import picture_files as files

HONEST = {
    "png": files.picture("PNG", (31, 17)),
    "palette": files.picture("PNG", (5, 300), "P"),
    "jpeg": files.picture("JPEG", (123, 45)),
    "progressive": files.picture("JPEG", (300, 200), progressive=True),
    "lossy webp": files.picture("WEBP", (77, 20)),
    "lossless webp": files.picture("WEBP", (1000, 3), lossless=True),
    "webp with alpha": files.picture("WEBP", (64, 65), "RGBA", lossless=True),
    "jpeg with exif": files.picture("JPEG", (40, 30), exif=b"Exif\0\0" + bytes(5000)),
}


def told(data: bytes) -> Head:
    return read_head(io.BytesIO(data))


def whole(data: bytes) -> None:
    file = io.BytesIO(data)
    require_whole(file, read_head(file))


@pytest.mark.parametrize("name", HONEST)
def test_heads_are_what_pillow_reads(name):
    head = told(HONEST[name])
    with Image.open(io.BytesIO(HONEST[name])) as image:
        assert (head.width, head.height) == image.size
        assert head.format == (image.format or "").lower()
    assert head.layered == (name == "progressive")
    assert not head.moves
    whole(HONEST[name])


@pytest.mark.parametrize("name", HONEST)
def test_whatever_is_cut_off_is_not_whole(name):
    data = HONEST[name]
    places = {0, 1, 4, 11, 12, 20, 24, 30, len(data) // 2, len(data) - 2}
    for place in places:
        with pytest.raises(PictureError):
            whole(data[:place])


@pytest.mark.parametrize("data", [files.animation_png(2), files.animation_webp(3)])
def test_animations_say_so(data):
    assert told(data).moves


def test_an_animation_of_one_frame_is_a_picture():
    assert not told(files.animation_png(1)).moves


def test_sizes_are_told_without_looking_at_the_pixels():
    assert told(files.bomb_png()) == Head(format="png", width=50_000, height=50_000)
    huge = b"\xff\xd8\xff\xff\xff\xc0" + struct.pack(">HBHHB", 11, 8, 65_000, 64_000, 1) + b"\0\0\0"
    assert told(huge) == Head(format="jpeg", width=64_000, height=65_000)


@pytest.mark.parametrize(
    "data",
    [b"", files.SVG, b"BM" + bytes(60), b"II*\0" + bytes(60), b"%PDF-1.7" + bytes(60), bytes(100), b"RIFF\0\0\0\0WAVE"],
)
def test_other_formats_are_none(data):
    with pytest.raises(PictureError, match="not a PNG, JPEG or WebP"):
        told(data)


def test_gif_is_told_what_to_send():
    with pytest.raises(PictureError, match="GIF is not taken"):
        told(files.animation_gif(1))


@pytest.mark.parametrize(
    "data",
    [
        files.png(0, 5),
        b"\x89PNG\r\n\x1a\n" + files.chunk(b"IDAT", bytes(20)),
        b"\xff\xd8\xff\xda\0\x02" + bytes(40),
        b"\xff\xd8\xff\xe0\0\x01" + bytes(40),
        b"\xff\xd8\xff\xe0\0\x02AB" + bytes(40),
        b"\xff\xd8\xff\xc0\0\x0b\x08",
        b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0" + bytes(12),
        b"RIFF\0\0\0\0WEBPICCP\0\0\0\0" + bytes(12),
    ],
)
def test_heads_that_make_no_sense(data):
    with pytest.raises(PictureError):
        told(data)


def test_a_changed_byte_of_a_png_is_noticed():
    data = bytearray(HONEST["png"])
    data[len(data) // 2] ^= 1
    with pytest.raises(PictureError, match="damaged"):
        whole(bytes(data))


def test_scans_and_chunks_are_counted():
    with pytest.raises(PictureError, match="too many scans"):
        whole(files.many_scans_jpeg())
    with pytest.raises(PictureError, match="too many chunks"):
        whole(files.png(8, 8, *[files.chunk(b"tEXt")] * 70_000))
    assert told(files.png(8, 8, *[files.chunk(b"tEXt")] * 70_000)).width == 8


def test_the_end_of_a_jpeg_is_found_across_blocks():
    data = HONEST["jpeg"]
    for more in range(5):
        whole(data + bytes((1 << 20) - len(data) + more - 2))
        padded = data[:-2] + bytes((1 << 20) - len(data) + more) + data[-2:]
        whole(padded)
        with pytest.raises(PictureError, match="cut off"):
            whole(padded[:-2])
