# ruff: noqa: E501 (one answer a line reads better than wrapped)
"""Every provider's file against answers of the documented shapes: results, states, costs, refusals, empty accounts."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from backends.cloud.client import CloudClient
from backends.cloud.media.vendor import Pace
from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.wire.media_job import Artifact, Done, MediaJob, Output, event_of
from tests.fakes.cloud import FakeCloud, Script, Sent, answer
from tests.fakes.vendor import CLIP, base64_of, picture
from tests.fakes.vendor_files import NAMES, backend_of, provider_named, secret

B64, LINK, HOST = "<base64>", "<link>", "<host>"
"""In answers: a result in base64, a link to one, and where the vendor is."""
Answer = dict[str, Any] | tuple[int, Any]


def play(provider: str, model: str, *answers: Answer, nanousd: int | None = None, n: int = 1) -> Any:
    """What comes for the answers of a provider, in turn."""
    return pytest.param(provider, model, answers, nanousd, n, id=f"{provider}-{model}")


FAL = {"request_id": "r1", "status_url": f"{HOST}/s", "response_url": f"{HOST}/r", "cancel_url": f"{HOST}/c"}
FIREFLY: dict[str, Any] = {"jobId": "j1", "statusUrl": f"{HOST}/status/j1", "cancelUrl": f"{HOST}/cancel/j1"}
OUTPUTS = {"outputs": [{"seed": 7, "image": {"url": LINK}}]}
USED = {"input_tokens_details": {"text_tokens": 100, "image_tokens": 1000}, "output_tokens": 4000, "total_tokens": 5100}
PICTURES = [
    play("openai", "gpt-image-2", {"created": 1, "data": [{"b64_json": B64}] * 2, "usage": USED}, n=2,
         nanousd=100 * 5_000 + 1_000 * 8_000 + 4_000 * 30_000),
    play("google", "gemini-3.1-flash-image", {"candidates": [{"finishReason": "STOP", "content": {"parts": [
        {"text": "Here it is"}, {"inlineData": {"mimeType": "image/png", "data": B64}}]}}]}),
    play("xai", "grok-imagine-image", {"data": [{"b64_json": B64, "respect_moderation": True}],
         "usage": {"cost_in_usd_ticks": 200_000_000}}, nanousd=20_000_000),
    play("together", "black-forest-labs/FLUX.1-schnell", {"data": [{"b64_json": B64, "index": 0}]}),
    play("recraft", "recraftv3", {"created": 1, "credits": 40, "data": [{"b64_json": B64}]}, nanousd=40_000_000),
    play("ideogram", "ideogram-3", {"data": [{"url": LINK, "seed": 7, "is_image_safe": True}]}),
    play("bfl", "flux-2-pro", {"id": "b1", "polling_url": f"{HOST}/poll?id=b1", "cost": 3.5},
         {"id": "b1", "status": "Pending", "progress": 0.5}, {"status": "Ready", "result": {"sample": LINK}},
         nanousd=35_000_000),
    play("firefly", "image4_ultra", FIREFLY, {"status": "running", "jobId": "j1"},
         {"status": "succeeded", "result": OUTPUTS}),
    play("firefly", "image5", {"jobId": "j1", "links": {"result": {"href": f"{HOST}/status/j1"}}},
         {"status": "succeeded", "result": OUTPUTS}),
    play("luma-agents", "uni-1", {"id": "g1", "state": "queued"}, {"id": "g1", "state": "processing"},
         {"id": "g1", "state": "completed", "output": [{"type": "image", "url": LINK}]}),
    play("fal", "fal-ai/flux/dev", FAL, {"status": "IN_QUEUE", "queue_position": 1}, {"status": "COMPLETED"},
         {"images": [{"url": LINK, "width": 32}], "seed": 7}),
    play("fal", "fal-ai/wan/v2.2-a14b", FAL, {"status": "COMPLETED"}, {"image": {"url": LINK}, "seed": 7}),
    play("replicate", "stability-ai/stable-diffusion-3.5-large", (201, {"id": "p1", "status": "starting"}),
         {"id": "p1", "status": "succeeded", "output": LINK}),
    play("replicate", "black-forest-labs/flux-dev", (201, {"id": "p1", "status": "starting"}),
         {"id": "p1", "status": "processing"}, {"id": "p1", "status": "succeeded", "output": [LINK]}),
]  # fmt: skip
KLING = {"code": 0, "message": "SUCCEED", "data": {"task_id": "k1", "task_status": "submitted"}}
CLIPS = [
    play("google", "gemini-omni-1.2-flash", {"id": "i1", "status": "in_progress"}, {"id": "i1", "status": "completed",
         "steps": [{"type": "thought", "content": []}, {"type": "model_output", "content": [
             {"type": "text", "text": "x"}, {"type": "video", "uri": LINK}]}]}),
    play("google", "gemini-omni-1.2-flash-inline", {"id": "i1", "status": "in_progress"}, {"id": "i1",
         "status": "completed", "steps": [{"type": "model_output", "content": [{"type": "video", "data": B64}]}]}),
    play("google-cloud", "veo-3.1-generate-001", {"name": "projects/p/operations/o1"}, {"name": "o1"},
         {"name": "o1", "done": True, "response": {"videos": [{"bytesBase64Encoded": B64}]}}),
    play("xai", "grok-imagine-video", {"request_id": "x1"}, (202, {"status": "pending"}),
         {"status": "done", "video": {"url": LINK, "respect_moderation": True}}),
    play("together", "minimax/hailuo-02", {"id": "v1", "status": "queued"}, {"id": "v1", "status": "in_progress"},
         {"id": "v1", "status": "completed", "outputs": {"video_url": LINK, "cost": 0.28}}, nanousd=280_000_000),
    play("minimax", "MiniMax-H3", {"task_id": "m1"}, {"task": {"status": "queued"}},
         {"task": {"status": "succeeded", "content": {"url": LINK}}}),
    play("minimax", "MiniMax-Hailuo-02", {"task_id": "m1", "base_resp": {"status_code": 0}},
         {"status": "Processing", "base_resp": {"status_code": 0}}, {"status": "Success", "file_id": "f1"},
         {"file": {"download_url": LINK}}),
    play("runway", "gen4.5", {"id": "t1"}, {"id": "t1", "status": "THROTTLED"},
         {"id": "t1", "status": "RUNNING", "progress": 0.4, "estimatedCost": {"credits": 60}},
         {"id": "t1", "status": "SUCCEEDED", "output": [LINK], "cost": {"credits": 60}}, nanousd=600_000_000),
    play("luma", "ray-2", {"id": "l1", "state": "queued"}, {"id": "l1", "state": "dreaming"},
         {"id": "l1", "state": "completed", "assets": {"video": LINK}}),
    play("luma-agents", "ray-3.2", {"id": "g1", "state": "queued"}, {"id": "g1", "state": "processing"},
         {"id": "g1", "state": "completed", "output": [{"type": "video", "url": LINK}]}),
    play("fal", "fal-ai/pika/v2.2/text-to-video", FAL, {"status": "IN_PROGRESS"}, {"status": "COMPLETED"},
         {"video": {"url": LINK}}),
    play("fal", "fal-ai/ltx-2-19b", FAL, {"status": "COMPLETED"}, {"video": {"url": LINK}, "seed": 7, "prompt": "x"}),
    play("replicate", "wan-video/wan-2.2-t2v-fast", (201, {"id": "p1", "status": "starting"}),
         {"id": "p1", "status": "succeeded", "output": LINK}),
    play("kling", "kling-v3", KLING, {"code": 0, "data": {"task_id": "k1", "task_status": "processing"}},
         {"code": 0, "data": {"task_status": "succeed", "task_result": {"videos": [{"url": LINK, "duration": "5"}]}}}),
    play("vidu", "viduq3-pro", {"task_id": "d1", "state": "created", "credits": 55}, {"state": "queueing"},
         {"state": "success", "credits": 55, "creations": [{"url": LINK}]}, nanousd=275_000_000),
    play("seedance", "dreamina-seedance-2-0-260128", {"id": "s1"}, {"id": "s1", "status": "running"},
         {"id": "s1", "status": "succeeded", "content": {"video_url": LINK}, "usage": {"completion_tokens": 9}}),
]  # fmt: skip


def fail(provider: str, model: str, cause: Cause, *answers: Answer, clip: bool = True) -> Any:
    """What is told of the answers of a provider, in turn."""
    return pytest.param(provider, model, cause, answers, clip, id=f"{provider}-{cause.value}-{len(answers)}")


REFUSED, ACCOUNT, BUSY = Cause.CONTENT_REFUSED, Cause.PROVIDER_ACCOUNT, Cause.UPSTREAM_RATE_LIMITED
FAILURES = [
    fail("openai", "gpt-image-2", REFUSED, (400, {"error": {"code": "moderation_blocked", "message": "no"}}), clip=False),
    fail("google", "gemini-3.1-flash-image", REFUSED, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, clip=False),
    fail("google", "gemini-3.1-flash-image", REFUSED, {"candidates": [{"finishReason": "IMAGE_SAFETY"}]}, clip=False),
    fail("google", "gemini-3.1-flash-image", BUSY, (429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}), clip=False),
    fail("google", "gemini-omni-1.2-flash", ACCOUNT, {"id": "i1", "status": "queued"}, {"status": "budget_exceeded"}),
    fail("google-cloud", "veo-3.1-generate-001", REFUSED, {"name": "o1"}, {"done": True, "response": {
         "raiMediaFilteredCount": 1, "raiMediaFilteredReasons": ["against the usage guidelines"]}}),
    fail("google-cloud", "veo-3.1-generate-001", BUSY, {"name": "o1"}, {"error": {"code": 8, "message": "RESOURCE_EXHAUSTED"}}),
    fail("xai", "grok-imagine-image", REFUSED, {"data": [{"respect_moderation": False}]}, clip=False),
    fail("xai", "grok-imagine-video", REFUSED, {"request_id": "x1"}, {"status": "done", "video": {"respect_moderation": False}}),
    fail("ideogram", "ideogram-3", REFUSED, {"data": [{"url": "", "is_image_safe": False}]}, clip=False),
    fail("ideogram", "ideogram-3", ACCOUNT, (402, {"error": "insufficient_funds"}), clip=False),
    fail("ideogram", "ideogram-3", BUSY, (429, {"error": "busy", "reject_reason": "inflight_limit"}), clip=False),
    fail("ideogram", "ideogram-3", Cause.UNKNOWN_OUTCOME, (503, {}), clip=False),
    fail("recraft", "recraftv3", ACCOUNT, (400, {"code": "not_enough_credits", "message": "x"}), clip=False),
    fail("bfl", "flux-2-pro", REFUSED, {"id": "b1", "polling_url": f"{HOST}/p"}, {"status": "Content Moderated"}, clip=False),
    fail("bfl", "flux-2-pro", ACCOUNT, (402, {"detail": "Insufficient credits"}), clip=False),
    fail("bfl", "flux-2-pro", Cause.UNKNOWN_OUTCOME, {"id": "b1", "polling_url": "https://evil.example/p"}, clip=False),
    fail("firefly", "image4_ultra", REFUSED, (400, {"error_code": "prompt_unsafe"}), clip=False),
    fail("firefly", "image4_ultra", ACCOUNT, (403, {"error_code": "403003"}), clip=False),
    fail("runway", "gen4.5", REFUSED, {"id": "t1"}, {"status": "FAILED", "failure": "x", "failureCode": "SAFETY.INPUT.TEXT"}),
    fail("runway", "gen4.5", Cause.UPSTREAM_ERROR, {"id": "t1"}, {"status": "FAILED", "failureCode": "INTERNAL.BAD_OUTPUT"}),
    fail("luma", "ray-2", REFUSED, {"id": "l1"}, {"state": "failed", "failure_reason": "400: prompt not allowed because moderation failed"}),
    fail("luma-agents", "ray-3.2", REFUSED, {"id": "g1"}, {"state": "failed", "failure_code": "content_moderated"}),
    fail("luma-agents", "ray-3.2", ACCOUNT, {"id": "g1"}, {"state": "failed", "failure_code": "budget_exhausted"}),
    fail("fal", "fal-ai/pika/v2.2/text-to-video", REFUSED, FAL, {"status": "COMPLETED"},
         (422, {"detail": [{"type": "content_policy_violation", "msg": "no"}]})),
    fail("fal", "fal-ai/pika/v2.2/text-to-video", Cause.INVALID_REQUEST, FAL, {"status": "COMPLETED"},
         (422, {"detail": [{"type": "value_error", "msg": "seed is odd"}]})),
    fail("replicate", "wan-video/wan-2.2-t2v-fast", REFUSED, (201, {"id": "p1"}), {"status": "failed", "error": "NSFW content"}),
    fail("kling", "kling-v3", REFUSED, {"code": 1301, "message": "risk"}),
    fail("kling", "kling-v3", ACCOUNT, (429, {"code": 1102, "message": "balance"})),
    fail("kling", "kling-v3", BUSY, (429, {"code": 1303, "message": "parallel"})),
    fail("kling", "kling-v3", Cause.UPSTREAM_ERROR, KLING, {"code": 0, "data": {"task_status": "failed", "task_status_msg": "x"}}),
    fail("minimax", "MiniMax-H3", ACCOUNT, {"type": "error", "error": {"type": "insufficient_balance_error", "message": "x"}}),
    fail("minimax", "MiniMax-Hailuo-02", REFUSED, {"base_resp": {"status_code": 1026, "status_msg": "input sensitive"}}),
    fail("vidu", "viduq3-pro", REFUSED, {"task_id": "d1"}, {"state": "failed", "err_code": "CreationPolicyViolation"}),
    fail("vidu", "viduq3-pro", BUSY, (429, {"reason": "TooManyRequests"})),
    fail("seedance", "dreamina-seedance-2-0-260128", REFUSED, (400, {"error": {"code": "InputTextSensitiveContentDetected"}})),
    fail("seedance", "dreamina-seedance-2-0-260128", Cause.UPSTREAM_ERROR, {"id": "s1"}, {"status": "expired"}),
    fail("together", "minimax/hailuo-02", Cause.UPSTREAM_ERROR, {"id": "v1"}, {"status": "failed"}),
]  # fmt: skip


class Stage:
    """A provider that gives its answers in turn, the last one again and again; files and tokens besides."""

    def __init__(self, cloud: FakeCloud, answers: tuple[Answer, ...], result: bytes) -> None:
        self.asked: list[Sent] = []
        self.files: list[Sent] = []
        host = f"http://127.0.0.1:{cloud.port}"
        told = json.dumps([each if isinstance(each, tuple) else (200, each) for each in answers])
        told = told.replace(LINK, f"{host}/file").replace(HOST, host).replace(B64, base64_of(result))
        self._scripts = [answer(body, status) for status, body in json.loads(told)]
        self._result = result
        cloud.choose = self._chosen

    def _chosen(self, sent: Sent) -> Script:
        if sent.path == "/file":
            self.files.append(sent)
            return answer(self._result, kind="application/octet-stream")
        if sent.path.endswith("/token/v3"):
            return answer({"access_token": "token"})
        self.asked.append(sent)
        return self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]


async def quick(_: float) -> None:
    await asyncio.sleep(0)


def job(folder: Path, *, clip: bool, n: int = 1) -> MediaJob:
    if clip:
        return MediaJob(id="j", prompt="A boat", width=1280, height=720, seeds=(7,), frames=120, fps=24.0,
                        output=Output(folder=str(folder)))  # fmt: skip
    return MediaJob(id="j", prompt="A boat", width=1024, height=1024, seeds=tuple(range(7, 7 + n)))


@pytest.mark.parametrize(("provider", "model", "answers", "nanousd", "n"), PICTURES + CLIPS)
async def test_results(
    tmp_path: Path, provider: str, model: str, answers: tuple[Answer, ...], nanousd: int | None, n: int
) -> None:
    clip = any(case.values[:2] == (provider, model) for case in CLIPS)
    client = CloudClient(secret)
    async with FakeCloud.running() as cloud:
        stage = Stage(cloud, answers, CLIP if clip else picture())
        backend = backend_of(provider_named(provider), model, cloud, client, Pace(sleep=quick))
        asked = Call(path="/jobs", body=msgspec.json.encode(job(tmp_path, clip=clip, n=n)), lines=True)
        events = [event_of(line) for line in (await backend.open(asked)).first.splitlines()]
    await client.aclose()
    made, done = [each for each in events if isinstance(each, Artifact)], events[-1]
    assert [each.role for each in made] == (["clip"] if clip else ["picture"] * n)
    assert isinstance(done, Done)
    assert done.nanousd == nanousd
    assert len(stage.asked) == len(answers)
    keyed = provider == "google"
    for each in stage.files:
        assert bool({"authorization", "x-key", "x-goog-api-key", "api-key"} & each.headers.keys()) is keyed


@pytest.mark.parametrize(("provider", "model", "cause", "answers", "clip"), FAILURES)
async def test_failures(
    tmp_path: Path, provider: str, model: str, cause: Cause, answers: tuple[Answer, ...], clip: bool
) -> None:
    client = CloudClient(secret)
    async with FakeCloud.running() as cloud:
        stage = Stage(cloud, answers, b"")
        backend = backend_of(provider_named(provider), model, cloud, client, Pace(sleep=quick))
        asked = Call(path="/jobs", body=msgspec.json.encode(job(tmp_path, clip=clip)), lines=True)
        with pytest.raises(BackendError) as caught:
            await backend.open(asked)
    await client.aclose()
    assert (caught.value.cause, len(stage.asked)) == (cause, len(answers)), caught.value.private
    assert stage.files == []


def test_no_provider_is_left_out() -> None:
    able = {name for name in NAMES if provider_named(name).operations}
    assert {case.values[0] for case in PICTURES + CLIPS} == able


@pytest.mark.parametrize("name", ["midjourney", "haiper", "genmo", "openai-sora"])
def test_those_without_an_api_say_why(name: str) -> None:
    provider = provider_named(name)
    assert (provider.kind, provider.base_url, bool(provider.why_not)) == ("unavailable", None, True)


@pytest.mark.parametrize("name", [name for name in NAMES if provider_named(name).operations])
def test_what_a_file_says_besides(name: str) -> None:
    provider = provider_named(name)
    assert provider.privacy is not None
    assert provider.privacy.as_of >= "2026-11-23"
    assert provider.privacy.source
    assert provider.auth is not None
