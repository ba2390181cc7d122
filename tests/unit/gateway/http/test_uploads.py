"""Pictures of a request, from forms and from JSON, and the texts of a form as a typed request."""

import asyncio
import base64
from pathlib import Path

import pytest

from backends.errors import BackendError, Cause
from backends.wire.openai_images import EditRequest, GivenImage, LoraChoice, VariationRequest
from backends.wire.openai_videos import ExtendRequest, VideoReference
from gateway.http.multipart import Form, FormFile, FormLimits
from gateway.http.picture_input import PictureLimits
from gateway.http.uploads import Uploads, decode_picture, request_of
from tests.fakes import picture_files as files

PNG = files.picture("PNG", (8, 8))
MASK = files.picture("PNG", (8, 8), "L")


@pytest.fixture
def uploads(tmp_path):
    made = Uploads(tmp_path / "state" / "uploads", FormLimits(most_file_bytes=100_000), PictureLimits())
    made.prepare()
    yield made
    made.close()


@pytest.fixture
def folder(uploads):
    with uploads.folder() as name:
        yield Path(name)


def arrived(folder, label: str, data: bytes) -> FormFile:
    path = folder / f"upload-{label}"
    path.write_bytes(data)
    return FormFile(field=label.partition("[")[0], label=label, path=path, size=len(data))


async def refused(coming) -> BackendError:
    with pytest.raises(BackendError) as raised:
        await coming
    assert raised.value.cause is Cause.INVALID_REQUEST
    return raised.value


def form(*texts: tuple[str, str]) -> Form:
    return Form(texts=texts, files=())


async def test_pictures_of_a_form_are_checked(uploads, folder):
    given = [arrived(folder, "image[0]", PNG), arrived(folder, "mask", MASK), arrived(folder, "image[1]", PNG)]
    pictures = await uploads.of_form(given, folder)
    assert [each.path for each in pictures.images] == [given[0].path, given[2].path]
    assert pictures.mask is not None
    assert pictures.mask.path.parent == folder
    assert (await uploads.of_form(given[:1], folder)).mask is None


async def test_forms_with_too_few_and_too_many_pictures(uploads, folder):
    assert (await refused(uploads.of_form([], folder))).param == "image"
    assert (await refused(uploads.of_form([arrived(folder, "mask", MASK)], folder))).param == "image"
    many = [arrived(folder, f"image[{i}]", PNG) for i in range(17)]
    assert (await refused(uploads.of_form(many, folder))).param == "image[16]"
    masks = [arrived(folder, name, MASK) for name in ("mask", "mask[1]")]
    assert (await refused(uploads.of_form([many[0], *masks], folder))).param == "mask[1]"


@pytest.mark.parametrize("bad", [files.bomb_png(), files.SVG, files.animation_gif(100), PNG[:-9]])
async def test_the_picture_at_fault_is_named(uploads, folder, bad):
    good, evil = arrived(folder, "image[0]", PNG), arrived(folder, "image[1]", bad)
    assert (await refused(uploads.of_form([good, evil], folder))).param == "image[1]"
    mask = arrived(folder, "mask", bad)
    assert (await refused(uploads.of_form([good, mask], folder))).param == "mask"
    url = "data:image/png;base64," + base64.b64encode(bad).decode()
    assert (await refused(uploads.of_json([GivenImage(image_url=url)], None, folder))).param == "images[0]"


async def test_pictures_inside_json_are_checked(uploads, folder):
    data = base64.b64encode(PNG).decode()
    given = [
        GivenImage(image_url=f"data:image/png;base64,{data}"),
        GivenImage(b64_json=data),
        GivenImage(image_url=f"DATA:text/html;charset=utf-8;Base64,{data}"),
    ]
    mask = GivenImage(b64_json=base64.b64encode(MASK).decode())
    pictures = await uploads.of_json(given, mask, folder)
    assert [each.path.read_bytes() for each in pictures.images] == [PNG] * 3
    assert (pictures.images[2].format, pictures.images[2].width) == ("png", 8)
    assert pictures.mask is not None
    assert (await refused(uploads.of_json([], None, folder))).param == "images"


@pytest.mark.parametrize(
    ("given", "param", "reason"),
    [
        (GivenImage(), "mask", "one of"),
        (GivenImage(image_url="data:;base64,AA==", b64_json="AA=="), "mask", "one of"),
        (GivenImage(file_id="file-1"), "mask.file_id", "no files are kept"),
        (GivenImage(image_url="https://example.com/a.png"), "mask.image_url", "nothing is fetched"),
        (GivenImage(image_url="file:///etc/passwd"), "mask.image_url", "nothing is fetched"),
        (GivenImage(image_url="data:image/png,abc"), "mask.image_url", "nothing is fetched"),
        (GivenImage(image_url="data:" + ";" * 1_000_000), "mask.image_url", "nothing is fetched"),
        (GivenImage(image_url="data:image/png;base64,AA=A"), "mask.image_url", "not base64"),
        (GivenImage(b64_json="AAAA\n"), "mask.b64_json", "not base64"),
        (GivenImage(b64_json="é"), "mask.b64_json", "not base64"),
        (GivenImage(b64_json="A" * 1008), "mask.b64_json", "at most 750 bytes"),
    ],
)
def test_what_is_no_picture_inside_json(given, param, reason):
    with pytest.raises(BackendError, match=reason) as raised:
        decode_picture(given, "mask", 750)
    assert raised.value.param == param
    assert len(decode_picture(GivenImage(b64_json="A" * 1000), "mask", 750)) == 750


async def test_one_picture_at_a_time_is_looked_at(uploads, folder):
    requests = [uploads.of_form([arrived(folder, f"image[{i}]", PNG)], folder) for i in range(8)]
    assert len(await asyncio.gather(*requests)) == 8


async def test_a_disk_that_fails_is_storage(uploads, folder):
    lost = FormFile(field="image", label="image", path=folder / "lost", size=1)
    with pytest.raises(BackendError) as raised:
        await uploads.of_form([lost], folder)
    assert raised.value.cause is Cause.STORAGE
    assert str(folder) not in raised.value.detail


async def test_forms_are_stored_in_a_private_folder_that_goes_away(uploads, tmp_path):
    root = tmp_path / "state" / "uploads"
    assert root.stat().st_mode & 0o777 == 0o700
    body = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + PNG + b"\r\n--x--"
    scope = {"type": "http", "headers": [(b"content-type", b"multipart/form-data; boundary=x")]}

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    with uploads.folder() as name:
        folder = Path(name)
        assert folder.parent == root
        assert folder.stat().st_mode & 0o777 == 0o700
        read = await uploads.form(scope, receive, folder)
        assert (await uploads.of_form(read.files, folder)).images[0].width == 8
    assert not list(root.iterdir())


def test_what_a_killed_gateway_left_is_removed(tmp_path):
    (tmp_path / "uploads" / "old").mkdir(parents=True)
    made = Uploads(tmp_path / "uploads", FormLimits(), PictureLimits())
    made.prepare()
    assert not list((tmp_path / "uploads").iterdir())
    made.close()


def test_texts_become_what_json_would_have_been():
    texts = form(
        ("prompt", "true"), ("model", "m"), ("n", "2"), ("size", "64x64"), ("stream", "true"), ("partial_images", "1"),
        ("seed[]", "3"), ("seed[]", "4"), ("loras[][name]", "a"), ("loras[][name]", "b"), ("loras[][scale]", "0.5"),
        ("loras[][scale]", "-1"), ("guidance_scale", "1.5"), ("strength", "0.25"), ("quality", ""), ("future", "1"),
    )  # fmt: skip
    request = request_of(texts, EditRequest)
    assert request == EditRequest(
        prompt="true", model="m", n=2, size="64x64", stream=True, partial_images=1, seed=[3, 4],
        loras=[LoraChoice(name="a", scale=0.5), LoraChoice(name="b", scale=-1)], guidance_scale=1.5, strength=0.25,
    )  # fmt: skip


def test_lists_of_one_and_loras_in_json():
    assert request_of(form(("seed", "7")), VariationRequest).seed == 7
    assert request_of(form(("seed[]", "7")), VariationRequest).seed == [7]
    assert request_of(form(("seed", "7"), ("seed", "7")), VariationRequest).seed == [7, 7]
    assert request_of(form(("seed", "")), VariationRequest).seed is None
    request = request_of(form(("loras", '[{"name": "a", "scale": 2}]')), VariationRequest)
    assert request.loras == [LoraChoice(name="a", scale=2)]
    assert request_of(form(("loras[0][name]", "a")), VariationRequest).loras == [LoraChoice(name="a")]


def test_what_is_an_object_in_json_comes_as_its_fields():
    request = request_of(form(("prompt", "x"), ("video[id]", "video_1"), ("video[other]", "y")), ExtendRequest)
    assert request.video == VideoReference(id="video_1")
    assert request_of(form(("prompt", "x"), ("video[id]", "")), ExtendRequest).video is None
    with pytest.raises(BackendError) as raised:
        request_of(form(("prompt", "x"), ("prompt[id]", "y"), ("video[other]", "y")), ExtendRequest)
    assert raised.value.param is not None
    assert raised.value.param.startswith("video"), "a field that is both is what it is alone"


@pytest.mark.parametrize(
    ("texts", "param"),
    [
        ([("n", "2")], "prompt"),
        ([("prompt", "")], "prompt"),
        ([("prompt", "x"), ("n", "many")], "n"),
        ([("prompt", "x"), ("n", "-1")], "n"),
        ([("prompt", "x"), ("n", "1"), ("n", "2")], "n"),
        ([("prompt", "x"), ("quality", "best")], "quality"),
        ([("prompt", "x"), ("seed", "1.5")], "seed"),
        ([("prompt", "x"), ("loras", "[")], "loras"),
        ([("prompt", "x"), ("loras", "[" * 100_000)], "loras"),
        ([("prompt", "x"), ("loras[][scale]", "1")], "loras"),
        ([("prompt", "x"), ("loras[][name]", "a"), ("loras[][scale]", "9")], "loras[0].scale"),
    ],
)
def test_texts_that_are_wrong_are_named(texts, param):
    with pytest.raises(BackendError) as raised:
        request_of(form(*texts), EditRequest)
    assert (raised.value.cause, raised.value.param) == (Cause.INVALID_REQUEST, param)
