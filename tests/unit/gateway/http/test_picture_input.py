"""Pictures from clients: what is taken, what is refused by which words, and masks of both kinds."""

import io

import pytest
from PIL import Image

from backends.errors import BackendError, Cause
from gateway.http.picture_input import Checked, PictureLimits, check_mask, check_picture
from tests.fakes import picture_files as files

LIMITS = PictureLimits()
SMALL = PictureLimits(most_side=100, most_pixels=5000)


def stored(folder, data: bytes, name: str = "given"):
    path = folder / name
    path.write_bytes(data)
    return path


def refused(folder, data: bytes, limits=LIMITS) -> BackendError:
    with pytest.raises(BackendError) as raised:
        check_picture(stored(folder, data), "image[2]", limits)
    assert raised.value.cause is Cause.INVALID_REQUEST
    assert raised.value.param == "image[2]"
    assert str(folder) not in raised.value.detail
    return raised.value


@pytest.mark.parametrize(
    ("form", "mode"),
    [("PNG", mode) for mode in ("L", "LA", "RGB", "RGBA", "P", "1", "I;16")]
    + [("JPEG", mode) for mode in ("L", "RGB", "CMYK")]
    + [("WEBP", mode) for mode in ("L", "RGB", "RGBA")],
)
def test_pictures_of_every_kind_are_taken(tmp_path, form, mode):
    path = stored(tmp_path, files.picture(form, (33, 21), mode))
    assert check_picture(path, "image", LIMITS) == Checked(path=path, format=form.lower(), width=33, height=21)


def test_the_largest_that_passes(tmp_path):
    for size in [(100, 50), (50, 100)]:
        check_picture(stored(tmp_path, files.picture(size=size)), "image", SMALL)
    assert "a side has at most 100" in refused(tmp_path, files.picture(size=(101, 1)), SMALL).detail
    assert "at most 5000 pixels" in refused(tmp_path, files.picture(size=(100, 51)), SMALL).detail


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (files.bomb_png(), "50000x50000"),
        (files.animation_gif(), "GIF"),
        (files.animation_png(), "animation"),
        (files.animation_webp(), "animation"),
        (files.SVG, "not a PNG"),
        (b"", "not a PNG"),
        (files.picture("JPEG", (400, 400))[:-300], "cut off"),
        (files.picture("PNG", (400, 400))[:-30], "cut off"),
        (files.picture("WEBP", (400, 400))[:-30], "cut off"),
        (files.many_scans_jpeg(), "scans"),
        (files.png(100, 100, files.chunk(b"IDAT", b"not zlib")), "damaged"),
        (files.png(100, 100), "damaged"),
        (files.noise("WEBP", (64, 64), lossless=True)[:40] + b"\xff" * 20_000, "damaged"),
        (files.noise("JPEG", (64, 64)).replace(b"\xff\xdb", b"\xff\xfe"), "damaged"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, data, reason):
    assert reason in refused(tmp_path, data).detail


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_past_the_budget_of_memory_structure_is_looked_at_only(tmp_path, form):
    none = PictureLimits(most_decoded_bytes=0)
    data = files.picture(form, (64, 64))
    check_picture(stored(tmp_path, data), "image", none)
    assert "cut off" in refused(tmp_path, data[:-10], none).detail


def test_a_picture_on_its_side_has_the_size_that_is_seen(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    checked = check_picture(stored(tmp_path, files.picture("JPEG", (40, 30), exif=exif)), "image", LIMITS)
    assert (checked.width, checked.height) == (30, 40)
    exif[0x0112] = 3
    checked = check_picture(stored(tmp_path, files.picture("JPEG", (40, 30), exif=exif)), "image", LIMITS)
    assert (checked.width, checked.height) == (40, 30)


OVER = Checked(path=None, format="png", width=8, height=4)  # type: ignore[arg-type]


def png_of(image: Image.Image, form: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def masked(folder, data: bytes, over: Checked = OVER) -> Image.Image:
    target = folder / "mask.png"
    checked = check_mask(stored(folder, data), "mask", over, target, LIMITS)
    assert checked == Checked(path=target, format="png", width=over.width, height=over.height)
    image = Image.open(target)
    assert image.mode == "L"
    return image


def mask_refused(folder, data: bytes, over: Checked = OVER) -> str:
    with pytest.raises(BackendError) as raised:
        check_mask(stored(folder, data), "mask", over, folder / "mask.png", LIMITS)
    assert (raised.value.cause, raised.value.param) == (Cause.INVALID_REQUEST, "mask")
    assert not (folder / "mask.png").exists()
    return raised.value.detail


def test_what_is_transparent_changes(tmp_path):
    image = Image.new("RGBA", (8, 4), (10, 20, 30, 255))
    image.putpixel((1, 2), (0, 0, 0, 0))
    image.putpixel((2, 2), (0, 0, 0, 55))
    for form, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True})):
        grey = masked(tmp_path, png_of(image, form, **options))
        assert (grey.getpixel((1, 2)), grey.getpixel((2, 2)), grey.getpixel((0, 0))) == (255, 200, 0)


def test_a_colour_of_a_palette_may_be_transparent(tmp_path):
    image = Image.new("P", (8, 4), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((3, 3), 0)
    grey = masked(tmp_path, png_of(image, transparency=0))
    assert (grey.getpixel((3, 3)), grey.getpixel((0, 0))) == (255, 0)


@pytest.mark.parametrize(("mode", "white"), [("1", 1), ("L", 255), ("RGB", (255, 255, 255)), ("I;16", 65535)])
def test_what_is_white_changes(tmp_path, mode, white):
    image = Image.new(mode, (8, 4))
    image.putpixel((1, 2), white)
    grey = masked(tmp_path, png_of(image))
    assert (grey.getpixel((1, 2)), grey.getpixel((0, 0))) == (255, 0)


def test_masks_that_mark_nothing_or_are_none(tmp_path):
    assert "nothing in it is transparent" in mask_refused(tmp_path, png_of(Image.new("RGBA", (8, 4), (1, 2, 3, 255))))
    assert "black all over" in mask_refused(tmp_path, png_of(Image.new("L", (8, 4))))
    assert "neither" in mask_refused(tmp_path, png_of(Image.new("RGB", (8, 4), (255, 0, 0))))
    assert "neither" in mask_refused(tmp_path, png_of(Image.new("RGB", (8, 4), (255, 255, 0))))
    assert "not a PNG" in mask_refused(tmp_path, files.SVG)
    broken = bytearray(png_of(Image.new("L", (8, 4), 255)))
    assert "cut off" in mask_refused(tmp_path, bytes(broken[:-8]))
    assert "damaged" in mask_refused(tmp_path, files.png(8, 4, files.chunk(b"IDAT", b"x")))


@pytest.mark.parametrize("size", [(8, 5), (7, 4), (4, 8), (50, 50)])
def test_a_mask_of_another_size(tmp_path, size):
    detail = mask_refused(tmp_path, png_of(Image.new("L", size, 255)))
    assert f"{size[0]}x{size[1]}" in detail
    assert "8x4" in detail


def test_a_mask_is_turned_as_its_own_head_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("L", (4, 8))
    image.putpixel((0, 0), 255)
    grey = masked(tmp_path, png_of(image, exif=exif))
    assert grey.size == (8, 4)
    assert grey.getpixel((7, 0)) == 255


def test_a_mask_that_cannot_be_stored(tmp_path):
    path = stored(tmp_path, png_of(Image.new("L", (8, 4), 255)))
    with pytest.raises(BackendError) as raised:
        check_mask(path, "mask", OVER, tmp_path / "absent" / "mask.png", LIMITS)
    assert raised.value.cause is Cause.STORAGE
