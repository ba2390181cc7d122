"""Pictures made to harm: refused by the field's name, within a second of work and 64 MB more memory.

The largest honest ones pass within as much. Each runs in a process of its own.
"""

import asyncio
import json
import struct
import sys
import zlib

import pytest

from tests.fakes import picture_files as files
from tests.security.picture_bombs import form

MOST_MORE = 64_000_000
MOST_SECONDS = 1.0
SLOWER = 4
"""What a busy machine, and the measuring of coverage, may add to work that takes a tenth of a second or less."""
GOOD = files.picture("PNG", (8, 8))


def png_bomb(width: int, height: int) -> bytes:
    """A PNG that is tiny, large once it is decoded, and ends before its last row."""
    rows = zlib.compress(bytes((width * 3 + 1) * height), 9)[:-20]
    return files.png(width, height, files.chunk(b"IDAT", rows))


def webp_mended(size: tuple[int, int]) -> bytes:
    """A WebP cut off, whose head says that it is meant to be that short."""
    data = files.picture("WEBP", size, lossless=True, method=0)[:-40]
    data = data[: len(data) // 2 * 2]
    return b"RIFF" + struct.pack("<I", len(data) - 8) + data[8:]


def padded_webp(size: tuple[int, int], *more: int) -> bytes:
    """A WebP with chunks that nobody knows."""
    data = files.picture("WEBP", size, method=0)
    data += b"".join(b"NONE" + struct.pack("<I", size) + bytes(size) for size in more)
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


HOSTILE = {
    "50,000 x 50,000": lambda: (("image", files.bomb_png()),),
    "10,000 frames of GIF": lambda: (("image", files.animation_gif()),),
    "10,000 frames of PNG": lambda: (("image", files.animation_png()),),
    "animated WebP": lambda: (("image", files.animation_webp()),),
    "SVG": lambda: (("image", files.SVG),),
    "5,000 scans": lambda: (("image", files.many_scans_jpeg(5000)),),
    "a million chunks": lambda: (("image", files.png(8, 8, *[files.chunk(b"tEXt")] * 1_000_000)),),
    "text that unpacks": lambda: (
        ("image", files.png(8, 8, files.chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000), 9)))),
    ),
    "JPEG cut off": lambda: (("image", files.picture("JPEG", (4096, 4096))[:-20]),),
    "PNG that lacks its end": lambda: (("image", png_bomb(3500, 3500)),),
    "WebP cut off and mended": lambda: (("image", webp_mended((1700, 1700))),),
    "mask bomb": lambda: (("image", GOOD), ("mask", files.bomb_png())),
    "mask of another size": lambda: (("image", GOOD), ("mask", png_bomb(4096, 4096))),
    "WebP and 24 MB of nothing": lambda: (("image", padded_webp((1700, 1700), 24_000_000)),),
    "PNG and 24 MB of notes": lambda: (("image", files.png(8, 8, files.chunk(b"eXIf", bytes(24_000_000)))),),
    "WebP of many notes": lambda: (("image", padded_webp((1700, 1700), *[4_000_000] * 5)[:-3]),),
    "65 MB": lambda: (("image", bytes(65_000_000)),),
}
HONEST = {
    "16 megapixels of JPEG": lambda: files.picture("JPEG", (4096, 4096)),
    "16 megapixels of JPEG in scans": lambda: files.picture("JPEG", (4096, 4096), progressive=True, subsampling=0),
    "8 megapixels of JPEG in scans": lambda: files.picture("JPEG", (2896, 2896), progressive=True, subsampling=0),
    "12 megapixels of PNG": lambda: files.picture("PNG", (3547, 3547), "RGBA"),
    "WebP of many notes": lambda: padded_webp((1700, 1700), *[4_000_000] * 5),
    "16 megapixels of WebP": lambda: files.picture("WEBP", (4096, 4096), method=0),
    "3 megapixels of WebP": lambda: files.picture("WEBP", (1760, 1760), method=0),
}


async def cost(tmp_path, body: bytes, declared: str = "declared") -> dict:
    (tmp_path / "form").write_bytes(body)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.security.picture_bombs", str(tmp_path / "form"), declared,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, errors = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()[-2000:]
    answer = json.loads(out)
    assert answer["more"] <= MOST_MORE, answer
    assert answer["seconds"] <= MOST_SECONDS * SLOWER, answer
    return answer


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_is_made_to_harm_costs_little(tmp_path, name):
    pictures = HOSTILE[name]()
    answer = await cost(tmp_path, form(*pictures))
    assert (answer["cause"], answer["param"]) == ("invalid_request", pictures[-1][0])
    assert answer["detail"].startswith(f"{pictures[-1][0]}: ")


async def test_65_mb_that_were_never_declared(tmp_path):
    answer = await cost(tmp_path, form(("image", bytes(65_000_000))), "undeclared")
    assert (answer["cause"], answer["param"]) == ("invalid_request", "image")


@pytest.mark.parametrize("name", HONEST)
async def test_the_largest_that_pass_cost_no_more(tmp_path, name):
    assert (await cost(tmp_path, form(("image", HONEST[name]()))))["cause"] is None
