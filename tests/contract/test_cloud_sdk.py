"""The official SDKs as oracles: what an adapter puts on the wire for a call is what they would. Nothing is reached."""

import json
from collections.abc import AsyncIterator, Callable
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from backends.cloud.client import CloudClient
from backends.cloud.media.filters import FILTERS
from backends.cloud.media.value import Blob
from backends.cloud.media.vendor import Pace
from backends.contract import Call
from backends.errors import BackendError
from backends.wire.media_job import MediaJob, Output, Source
from tests.fakes.cloud import FakeCloud, Sent, answer
from tests.fakes.vendor import CLIP, base64_of, picture
from tests.fakes.vendor_files import backend_of, provider_named, secret

PNG = picture()
DATA_URI = f"data:image/png;base64,{base64_of(PNG)}"
GIVEN = Source(data=base64_of(PNG))


@pytest.fixture
async def client() -> AsyncIterator[CloudClient]:
    made = CloudClient(secret)
    yield made
    await made.aclose()


async def put(client: CloudClient, provider: str, model: str, job: MediaJob) -> Sent:
    """The first request of ``job``, which is refused."""
    async with FakeCloud.running(answer({}, 400)) as cloud:
        backend = backend_of(provider_named(provider), model, cloud, client, Pace())
        with pytest.raises(BackendError):
            await backend.open(Call(path="/jobs", body=msgspec.json.encode(job), lines=True))
    (sent,) = cloud.sent
    return sent


class Oracle:
    """A transport that keeps what it is to send."""

    def __init__(self, reply: dict[str, Any], library: Any = httpx) -> None:
        self.sent: list[Sent] = []
        self._reply = reply
        self._library = library
        self.client = library.Client(transport=library.MockTransport(self._answer))

    def _answer(self, request: Any) -> Any:
        path = request.url.raw_path.decode()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.sent.append(Sent(request.method, path, headers, request.read()))
        return self._library.Response(200, json=self._reply)


def same(ours: Sent, theirs: Sent, *headers: str) -> None:
    """Method, path, the key, ``headers`` and the body."""
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    for name in ("authorization", "x-goog-api-key", *headers):
        assert ours.headers.get(name) == theirs.headers.get(name), name
    if ours.headers["content-type"].startswith("multipart/"):
        assert form(ours) == form(theirs)
    else:
        assert ours.headers["content-type"] == theirs.headers["content-type"] == "application/json"
        assert ours.fields == plainly(theirs.fields)


def plainly(fields: Any) -> Any:
    """google-genai spells one field in two ways and takes the other alphabet of base64: both mean the same there."""
    if isinstance(fields, dict):
        if fields.keys() == {"data", "mime_type"}:
            return {"data": fields["data"].translate(str.maketrans("-_", "+/")), "mimeType": fields["mime_type"]}
        return {key: plainly(value) for key, value in fields.items()}
    return [plainly(each) for each in fields] if isinstance(fields, list) else fields


def form(sent: Sent) -> list[tuple[str, bool, bytes]]:
    """Its fields, sorted: names, whether they are files, contents."""
    head = f"content-type: {sent.headers['content-type']}\r\n\r\n".encode()
    parts: list[Message] = BytesParser().parsebytes(head + sent.body).get_payload()  # type: ignore[assignment]
    return sorted(
        (str(part.get_param("name", header="content-disposition")), part.get_filename() is not None,
         bytes(part.get_payload(decode=True)))  # type: ignore[arg-type]
        for part in parts
    )  # fmt: skip


def a_picture(**fields: Any) -> MediaJob:
    usual: dict[str, Any] = {"id": "j", "prompt": "A boat", "width": 1536, "height": 1024, "seeds": (7,)}
    return MediaJob(**(usual | fields))


def a_clip(tmp_path: Path, **fields: Any) -> MediaJob:
    usual: dict[str, Any] = {"width": 1280, "height": 720, "frames": 120, "fps": 24.0}
    return a_picture(**(usual | {"output": Output(folder=str(tmp_path))} | fields))


def openai(oracle: Oracle) -> Any:
    from openai import OpenAI

    return OpenAI(api_key="k", http_client=oracle.client, max_retries=0)


def openai_library() -> Any:
    """The client library that the SDK is made for."""
    import openai

    return pytest.importorskip(openai.DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])


async def test_openai_pictures(client: CloudClient) -> None:
    oracle = Oracle({"created": 1, "data": []}, openai_library())
    openai(oracle).images.generate(
        model="gpt-image-2", prompt="A boat", n=2, size="1536x1024", output_format="webp", output_compression=80
    )
    job = a_picture(seeds=(7, 8), output=Output(format="webp", quality=80))
    same(await put(client, "openai", "gpt-image-2", job), oracle.sent[0])


@pytest.mark.parametrize("mask", [None, PNG])
async def test_openai_edits(client: CloudClient, mask: bytes | None) -> None:
    oracle = Oracle({"created": 1, "data": []}, openai_library())
    clear = None if mask is None else FILTERS["transparent"](Blob(mask, "image/png"), "")
    more: dict[str, Any] = {"mask": ("file.png", clear.data, "image/png")} if isinstance(clear, Blob) else {}
    openai(oracle).images.edit(
        model="gpt-image-2", prompt="A boat", n=1, size="1536x1024", output_format="png",
        image=[("file.png", PNG, "image/png")] * 2, **more,
    )  # fmt: skip
    given = Source(data=base64_of(mask)) if mask else None
    job = a_picture(task="inpaint" if mask else "edit", images=(GIVEN, GIVEN), mask=given)
    same(await put(client, "openai", "gpt-image-2", job), oracle.sent[0])


async def test_recraft_speaks_openai(client: CloudClient) -> None:
    from openai import OpenAI

    oracle = Oracle({"created": 1, "data": []}, openai_library())
    recraft = OpenAI(
        api_key="k", base_url="https://external.api.recraft.ai/v1", http_client=oracle.client, max_retries=0
    )
    recraft.images.generate(
        model="recraftv3", prompt="A boat", n=1, size="1536x1024", response_format="b64_json",
        extra_body={"random_seed": 7},
    )  # fmt: skip
    same(await put(client, "recraft", "recraftv3", a_picture()), oracle.sent[0])


def genai(oracle: Oracle) -> Any:
    from google import genai as library
    from google.genai import types

    return library.Client(api_key="k", http_options=types.HttpOptions(httpx_client=oracle.client))


def genai_library() -> Any:
    return pytest.importorskip("httpx2")


@pytest.mark.parametrize("edits", [False, True])
async def test_google_pictures(client: CloudClient, *, edits: bool) -> None:
    from google.genai import types

    oracle = Oracle({"candidates": []}, genai_library())
    parts = [types.Part(text="A boat")]
    parts += [types.Part.from_bytes(data=PNG, mime_type="image/png")] * 2 * edits
    genai(oracle).models.generate_content(
        model="gemini-3.1-flash-image", contents=[types.Content(role="user", parts=parts)],
        config=types.GenerateContentConfig(
            response_modalities=["IMAGE"], image_config=types.ImageConfig(aspect_ratio="3:2", image_size="2K")
        ),
    )  # fmt: skip
    job = a_picture(task="edit", images=(GIVEN, GIVEN)) if edits else a_picture()
    same(await put(client, "google", "gemini-3.1-flash-image", job), oracle.sent[0])


@pytest.mark.parametrize("moves", [False, True])
async def test_google_clips(client: CloudClient, tmp_path: Path, *, moves: bool) -> None:
    oracle = Oracle({"id": "i1", "status": "in_progress"}, genai_library())
    content: list[dict[str, Any]] = [{"type": "text", "text": "A boat"}]
    content += [{"type": "image", "data": base64_of(PNG), "mime_type": "image/png"}] * moves
    form = {"type": "video", "aspect_ratio": "16:9", "duration": "5s", "resolution": "720p", "delivery": "uri"}
    genai(oracle).interactions.create(
        model="gemini-omni-1.2-flash", input=content, response_format=form, background=True, store=True
    )
    job = a_clip(tmp_path, task="animate", images=(GIVEN,)) if moves else a_clip(tmp_path)
    same(await put(client, "google", "gemini-omni-1.2-flash", job), oracle.sent[0])


def runway(oracle: Oracle) -> Any:
    from runwayml import RunwayML

    return RunwayML(api_key="k", http_client=oracle.client, max_retries=0)


async def test_runway_clips_of_words(client: CloudClient, tmp_path: Path) -> None:
    oracle = Oracle({"id": "t1"})
    runway(oracle).text_to_video.create(model="gen4.5", prompt_text="A boat", ratio="1280:720", duration=5, seed=7)
    same(await put(client, "runway", "gen4.5", a_clip(tmp_path)), oracle.sent[0], "x-runway-version")


@pytest.mark.parametrize("model", ["gen4.5", "gen4_turbo"])
async def test_runway_clips_of_pictures(client: CloudClient, tmp_path: Path, model: str) -> None:
    oracle = Oracle({"id": "t1"})
    runway(oracle).image_to_video.create(
        model=model, prompt_image=DATA_URI, prompt_text="A boat", ratio="1280:720", duration=5, seed=7
    )
    job = a_clip(tmp_path, task="animate", images=(GIVEN,))
    same(await put(client, "runway", model, job), oracle.sent[0], "x-runway-version")


async def test_runway_clips_of_clips(client: CloudClient, tmp_path: Path) -> None:
    oracle = Oracle({"id": "t1"})
    uri = f"data:video/mp4;base64,{base64_of(CLIP)}"
    runway(oracle).video_to_video.create(model="aleph2", video_uri=uri, prompt_text="A boat", seed=7)
    job = a_clip(tmp_path, task="restyle", clip=Source(data=base64_of(CLIP)))
    same(await put(client, "runway", "aleph2", job), oracle.sent[0], "x-runway-version")


def luma(oracle: Oracle) -> Any:
    from luma_agents import Luma

    return Luma(auth_token="k", http_client=oracle.client, max_retries=0)


@pytest.mark.parametrize("moves", [False, True])
async def test_luma_clips(client: CloudClient, tmp_path: Path, *, moves: bool) -> None:
    oracle = Oracle({"id": "g1", "state": "queued"})
    frame = {"data": base64_of(PNG), "media_type": "image/png"}
    video: dict[str, Any] = {"duration": "5s", "resolution": "720p"}
    luma(oracle).generations.create(
        model="ray-3.2", prompt="A boat", type="video", aspect_ratio="16:9",
        video=video | ({"start_frame": frame, "end_frame": frame} if moves else {}),
    )  # fmt: skip
    job = a_clip(tmp_path, task="animate", images=(GIVEN,), last=GIVEN) if moves else a_clip(tmp_path)
    same(await put(client, "luma-agents", "ray-3.2", job), oracle.sent[0])


async def test_luma_pictures(client: CloudClient) -> None:
    oracle = Oracle({"id": "g1", "state": "queued"})
    luma(oracle).generations.create(
        model="uni-1", prompt="A boat", type="image", aspect_ratio="3:2", output_format="png"
    )
    same(await put(client, "luma-agents", "uni-1", a_picture()), oracle.sent[0])
    luma(oracle).generations.create(
        model="uni-1", prompt="A boat", type="image_edit", output_format="png",
        source={"data": base64_of(PNG), "media_type": "image/png"},
    )  # fmt: skip
    job = a_picture(task="edit", images=(GIVEN,))
    same(await put(client, "luma-agents", "uni-1", job), oracle.sent[1])


LATER: list[tuple[str, str, dict[str, Any], Callable[[Oracle], Any], Callable[[], Any]]] = [
    ("runway", "gen4.5", {"id": "t1"}, lambda o: (runway(o).tasks.retrieve("t1"), runway(o).tasks.delete("t1")),
     lambda: httpx),
    ("luma-agents", "ray-3.2", {"id": "t1"}, lambda o: (luma(o).generations.get("t1"),), lambda: httpx),
    ("google", "gemini-omni-1.2-flash", {"id": "t1", "status": "in_progress"},
     lambda o: (genai(o).interactions.get(id="t1"), genai(o).interactions.cancel(id="t1")), genai_library),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "model", "created", "asks", "library"), LATER)
async def test_what_is_asked_later(
    client: CloudClient, tmp_path: Path, provider: str, model: str, created: dict[str, Any],
    asks: Callable[[Oracle], Any], library: Callable[[], Any],
) -> None:  # fmt: skip
    oracle = Oracle(
        {"id": "t1", "status": "RUNNING", "state": "queued", "createdAt": "2026-11-23T00:00:00Z"}, library()
    )
    asks(oracle)
    now = [0.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds + 1000

    async with FakeCloud.running(answer(created), answer(json.dumps(created).encode())) as cloud:
        backend = backend_of(provider_named(provider), model, cloud, client, Pace(clock=lambda: now[0], sleep=sleep))
        with pytest.raises(BackendError):
            await backend.open(Call(path="/jobs", body=msgspec.json.encode(a_clip(tmp_path)), lines=True))
    ours = [(each.method, each.path) for each in cloud.sent[1:]]
    assert ours == [(each.method, each.path.removesuffix("?stream=false")) for each in oracle.sent]
