"""What every provider of pictures and clips is sent, to the letter: written down from documented shapes and reviewed.

``python -m tests.contract.test_cloud_wire`` writes ``tests/golden/cloud`` anew, for a change that is meant.
"""

import asyncio
import json
import re
from email.message import Message
from email.parser import BytesParser
from typing import Any

import msgspec
import pytest

from backends.cloud.client import CloudClient
from backends.cloud.media.vendor import Pace
from backends.contract import Call
from backends.errors import BackendError
from backends.wire.media_job import MediaJob, Output, Source
from tests.fakes.cloud import FakeCloud, Script, Sent, answer
from tests.fakes.vendor_files import backend_of, provider_named, secret
from tests.tree import ROOT

FOLDER = ROOT / "tests" / "golden" / "cloud"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
GIVEN = Source(data=PIXEL)
PICTURE: dict[str, Any] = {"width": 1536, "height": 1024, "seeds": (7,), "negative_prompt": "fog"}
CLIP: dict[str, Any] = {
    "width": 1280,
    "height": 720,
    "seeds": (7,),
    "negative_prompt": "fog",
    "frames": 120,
    "fps": 24.0,
}
TWO: dict[str, Any] = {"seeds": (7, 8)}
EDIT: dict[str, Any] = {"task": "edit", "images": (GIVEN,)}
INPAINT: dict[str, Any] = {"task": "inpaint", "images": (GIVEN,), "mask": GIVEN}
ANIMATE: dict[str, Any] = {"task": "animate", "images": (GIVEN,)}
BETWEEN: dict[str, Any] = ANIMATE | {"last": GIVEN}
RESTYLE: dict[str, Any] = {"task": "restyle", "clip": Source(data="AAAAGGZ0eXBtcDQy"), "strength": 0.5}
VARY: dict[str, Any] = EDIT | {"task": "vary", "strength": 0.5}
ASKED: dict[str, Any] = {"steps": 20, "guidance": 4.5}
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("openai", "gpt-image-2", PICTURE | TWO | {"effort": "low"}),
    ("openai", "gpt-image-2", PICTURE | INPAINT),
    ("google", "gemini-3.1-flash-image", PICTURE | EDIT),
    ("google", "gemini-omni-1.2-flash", CLIP | ANIMATE),
    ("google-cloud", "veo-3.1-generate-001", CLIP | BETWEEN),
    ("xai", "grok-imagine-image", PICTURE | TWO),
    ("xai", "grok-imagine-image", PICTURE | EDIT),
    ("xai", "grok-imagine-video", CLIP | ANIMATE),
    ("together", "black-forest-labs/FLUX.1-schnell", PICTURE),
    ("together", "black-forest-labs/FLUX.2-dev", PICTURE | ASKED),
    ("together", "Qwen/Qwen-Image", PICTURE | ASKED),
    ("together", "minimax/hailuo-02", CLIP),
    ("minimax", "MiniMax-H3", CLIP | BETWEEN),
    ("minimax", "MiniMax-Hailuo-02", CLIP | ANIMATE),
    ("bfl", "flux-2-pro", PICTURE | EDIT | {"images": (GIVEN, GIVEN)}),
    ("bfl", "flux-pro-1.1", PICTURE),
    ("bfl", "flux-kontext-pro", PICTURE | EDIT),
    ("bfl", "flux-pro-1.0-fill", PICTURE | INPAINT),
    ("runway", "gen4.5", CLIP),
    ("runway", "gen4_turbo", CLIP | ANIMATE),
    ("runway", "aleph2", CLIP | {"task": "restyle", "clip": Source(data="AAAAGGZ0eXBtcDQy")}),
    ("luma", "ray-2", CLIP),
    ("luma-agents", "ray-3.2", CLIP | BETWEEN),
    ("luma-agents", "uni-1", PICTURE),
    ("fal", "fal-ai/pika/v2.2/image-to-video", CLIP | ANIMATE),
    ("fal", "fal-ai/wan/v2.2-a14b/text-to-video", CLIP),
    ("fal", "fal-ai/wan/v2.2-a14b", CLIP | ASKED),
    ("fal", "fal-ai/wan/v2.2-a14b", CLIP | BETWEEN),
    ("fal", "fal-ai/wan/v2.2-a14b", CLIP | RESTYLE),
    ("fal", "fal-ai/wan/v2.2-5b", CLIP),
    ("fal", "fal-ai/wan/v2.2-5b", CLIP | ANIMATE | ASKED),
    ("fal", "fal-ai/wan-t2v", CLIP),
    ("fal", "fal-ai/wan-i2v", CLIP | ANIMATE | ASKED),
    ("fal", "fal-ai/hunyuan-video", CLIP),
    ("fal", "fal-ai/hunyuan-video-image-to-video", CLIP | ANIMATE),
    ("fal", "fal-ai/framepack", CLIP | ANIMATE),
    ("fal", "fal-ai/framepack", CLIP | BETWEEN | ASKED),
    ("fal", "fal-ai/ltx-2-19b", CLIP),
    ("fal", "fal-ai/ltx-2-19b", CLIP | ANIMATE | ASKED),
    ("fal", "fal-ai/cogvideox-5b", CLIP),
    ("fal", "fal-ai/cogvideox-5b", CLIP | ANIMATE | ASKED),
    ("fal", "fal-ai/cogvideox-5b", CLIP | RESTYLE),
    ("fal", "fal-ai/wan/v2.2-a14b", PICTURE | ASKED),
    ("fal", "fal-ai/z-image/turbo", PICTURE | TWO),
    ("fal", "fal-ai/z-image/turbo", PICTURE | VARY),
    ("fal", "fal-ai/flux/schnell", PICTURE),
    ("fal", "fal-ai/flux/dev", PICTURE | TWO | {"negative_prompt": None}),
    ("fal", "fal-ai/qwen-image", PICTURE | ASKED),
    ("fal", "fal-ai/qwen-image-edit", PICTURE | EDIT),
    ("fal", "fal-ai/qwen-image-edit-2509", PICTURE | EDIT | ASKED | {"images": (GIVEN, GIVEN)}),
    ("replicate", "black-forest-labs/flux-dev", PICTURE),
    ("replicate", "black-forest-labs/flux-dev", PICTURE | VARY | ASKED),
    ("replicate", "black-forest-labs/flux-schnell", PICTURE),
    ("replicate", "stability-ai/stable-diffusion-3.5-large", PICTURE | ASKED),
    ("replicate", "stability-ai/stable-diffusion-3.5-large", PICTURE | VARY),
    ("replicate", "ideogram-ai/ideogram-v3-turbo", PICTURE),
    ("replicate", "wan-video/wan-2.2-i2v-fast", CLIP | ANIMATE),
    ("ideogram", "ideogram-3", PICTURE | TWO),
    ("ideogram", "ideogram-4", PICTURE),
    ("recraft", "recraftv3", PICTURE),
    ("recraft", "recraftv4_1", PICTURE),
    ("recraft", "recraftv4_1_pro", PICTURE),
    ("recraft", "recraftv3", PICTURE | INPAINT),
    ("firefly", "image4_ultra", PICTURE | TWO),
    ("firefly", "image5", PICTURE),
    ("firefly", "image4_standard", PICTURE | INPAINT),
    ("kling", "kling-v2-master", CLIP),
    ("kling", "kling-v3", CLIP | BETWEEN),
    ("vidu", "vidu2.0", CLIP | ANIMATE),
    ("vidu", "viduq3-pro", CLIP),
    ("vidu", "viduq3-pro", CLIP | ANIMATE),
    ("vidu", "viduq3-pro", CLIP | BETWEEN),
    ("seedance", "dreamina-seedance-2-0-260128", CLIP | ANIMATE),
    ("seedance", "dreamina-seedance-2-5-260628", CLIP | ANIMATE),
    ("seedance", "dreamina-seedance-2-5-260628", CLIP),
]  # fmt: skip
_NOISE = {"host", "user-agent", "accept", "accept-encoding", "content-length"}


def named(provider: str, model: str, fields: dict[str, Any]) -> str:
    """A file's name for a case."""
    makes = "clip" if "frames" in fields else "picture"
    extra = "-last" if "last" in fields else ""
    return f"{provider}-{re.sub('[^a-z0-9.]+', '-', model.lower())}-{fields.get('task', 'generate')}-{makes}{extra}"


async def wire(provider: str, model: str, fields: dict[str, Any]) -> list[dict[str, Any]]:
    """The requests of one job up to the one that would cost."""
    clip = "frames" in fields
    job = MediaJob(id="j", prompt="A boat", output=Output(folder="/tmp" if clip else ""), **fields)
    client = CloudClient(secret)

    def chosen(sent: Sent) -> Script:
        if sent.path.endswith("/token/v3"):
            return answer({"access_token": "token"})
        return answer({"images": [{"id": "up-1"}]}) if "/storage/" in sent.path else answer({}, 400)

    async with FakeCloud.running() as cloud:
        cloud.choose = chosen
        backend = backend_of(provider_named(provider), model, cloud, client, Pace())
        with pytest.raises(BackendError):
            await backend.open(Call(path="/jobs", body=msgspec.json.encode(job), lines=True))
    await client.aclose()
    told = json.dumps([_shown(sent) for sent in cloud.sent]).replace(PIXEL, "PIXEL")
    return json.loads(told)


def _parts(kind: str, body: bytes) -> list[list[str]]:
    """Names and values of a form; of files their names and types, for encoders do not always make the same bytes."""
    parts: list[Message] = BytesParser().parsebytes(f"content-type: {kind}\r\n\r\n".encode() + body).get_payload()  # type: ignore[assignment]
    told: list[list[str]] = []
    for part in parts:
        file = part.get_filename()
        value = f"{file} ({part.get_content_type()})" if file else part.get_payload(decode=True).decode()  # type: ignore[union-attr]
        told.append([str(part.get_param("name", header="content-disposition")), value])
    return told


def _shown(sent: Sent) -> dict[str, Any]:
    headers = {name: value for name, value in sorted(sent.headers.items()) if name not in _NOISE}
    kind = headers.get("content-type", "")
    body: Any = sent.body.decode("utf-8", "backslashreplace")
    if kind == "application/json":
        body = sent.fields
    elif "boundary=" in kind:
        body = _parts(kind, sent.body)
        headers["content-type"] = kind.partition(";")[0]
    return {"method": sent.method, "path": sent.path, "headers": headers, "body": body}


def test_every_provider_with_operations_is_here() -> None:
    from tests.fakes.vendor_files import NAMES

    able = {name for name in NAMES if provider_named(name).operations}
    assert {provider for provider, *_ in CASES} == able
    for name in able:
        operations = provider_named(name).operations
        used = {named(*case).rpartition(f"{name}-")[2] for case in CASES if case[0] == name}
        assert len(used) >= len({(each.makes, each.models) for each in operations}), name


@pytest.mark.parametrize(("provider", "model", "fields"), CASES, ids=[named(*case) for case in CASES])
async def test_what_is_sent(provider: str, model: str, fields: dict[str, Any]) -> None:
    path = FOLDER / f"{named(provider, model, fields)}.json"
    assert await wire(provider, model, fields) == json.loads(path.read_text(encoding="utf-8"))


def test_no_golden_request_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {named(*case) for case in CASES}


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        text = json.dumps(asyncio.run(wire(*case)), indent=2, ensure_ascii=False)
        (FOLDER / f"{named(*case)}.json").write_text(text + "\n", encoding="utf-8")
