"""Files of pictures for tests: honest ones by Pillow, and what hostile clients send instead, byte by byte."""

import io
import struct
import zlib

from PIL import Image


def picture(form: str = "PNG", size: tuple[int, int] = (32, 24), mode: str = "RGB", **options) -> bytes:
    """A picture with some content."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def noise(form: str, size: tuple[int, int], **options) -> bytes:
    """A picture that does not compress."""
    out = io.BytesIO()
    Image.effect_noise(size, 100).convert("RGB").save(out, form, **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG of these chunks between its head and its end: RGB, 8 bits."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(chunks) + chunk(b"IEND")


def bomb_png(side: int = 50_000) -> bytes:
    """Zeros that would be gigabytes."""
    return png(side, side, chunk(b"IDAT", zlib.compress(bytes(1 << 20), 9)))


def animation_png(frames: int = 10_000) -> bytes:
    return png(8, 8, chunk(b"acTL", struct.pack(">II", frames, 0)), chunk(b"IDAT", zlib.compress(bytes(8 * 25))))


def animation_gif(frames: int = 10_000) -> bytes:
    """A GIF of so many frames of one pixel."""
    frame = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
    return b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff" + frame * frames + b"\x3b"


def animation_webp(frames: int = 3) -> bytes:
    """All frames differ: equal ones are merged."""
    images = [Image.new("RGB", (16, 16), (index * 60, 0, 0)) for index in range(frames)]
    out = io.BytesIO()
    images[0].save(out, "WEBP", save_all=True, append_images=images[1:], lossless=True)
    return out.getvalue()


def many_scans_jpeg(scans: int = 1000) -> bytes:
    """A progressive JPEG with its last scan over and over."""
    data = picture("JPEG", (256, 256), progressive=True)
    start, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:start] + data[start:end] * scans + data[end:]


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
