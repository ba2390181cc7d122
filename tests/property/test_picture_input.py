"""Whatever bytes come as a picture, the answer is a checked picture or a refusal that names the field."""

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from backends.errors import BackendError, Cause
from gateway.http.picture_input import PictureLimits, check_mask, check_picture
from tests.fakes import picture_files as files

LIMITS = PictureLimits(most_side=1000, most_pixels=100_000)
HONEST = [
    files.picture("PNG", (40, 30), "RGBA"),
    files.picture("PNG", (40, 30), "P"),
    files.picture("JPEG", (40, 30)),
    files.picture("JPEG", (40, 30), progressive=True),
    files.picture("WEBP", (40, 30)),
    files.picture("WEBP", (40, 30), "RGBA", lossless=True),
    files.animation_png(3),
    files.animation_webp(3),
]


@st.composite
def spoilt(draw) -> bytes:
    """A picture with some bytes changed, taken out or put in; or anything at all."""
    data = bytearray(draw(st.sampled_from(HONEST) | st.binary(max_size=64)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 8)))
        data[at:end] = draw(st.binary(max_size=8))
    return bytes(data)


@given(spoilt(), spoilt())
def test_bytes_are_a_picture_or_are_refused_by_name(data, mask):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "image").write_bytes(data)
        (folder / "mask").write_bytes(mask)
        refusal = None
        try:
            checked = check_picture(folder / "image", "image", LIMITS)
            assert checked.width * checked.height <= LIMITS.most_pixels
            grey = check_mask(folder / "mask", "mask", checked, folder / "grey", LIMITS)
            assert check_picture(grey.path, "mask", LIMITS).width == checked.width
        except BackendError as error:
            refusal = error
        if refusal is not None:
            assert refusal.cause is Cause.INVALID_REQUEST
            assert refusal.param in ("image", "mask")
            assert refusal.detail.startswith(f"{refusal.param}: ")
