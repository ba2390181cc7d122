"""A vendor's pictures and clips through the whole of an adapter, as a worker's: families of protocol, states, costs."""

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from backends.cloud.client import CloudClient
from backends.cloud.media.adapter import MediaProvider
from backends.cloud.media.downloads import Downloads
from backends.cloud.media.vendor import Pace
from backends.errors import BackendError, Cause
from backends.wire.media_job import Artifact, Done, Event, MediaJob, Remote, RemoteTask, Source, Stage, event_of
from tests.fakes.cloud import answer
from tests.fakes.vendor import CLIP, Vendor, base64_of, clips, operation, picture
from tests.unit.backends.cloud.media.stage import Clock, call, clip, events, job, refused


async def test_pictures_of_one_answer(vendor: Vendor, backend: Callable[..., MediaProvider]) -> None:
    data = [picture(), picture(8, 8, "JPEG")]
    vendor.created = answer({"data": [{"b64_json": base64_of(each)} for each in data], "credits": 4})
    one = operation(limits={"n": 2}, cost=[{"path": "credits", "usd": 0.01}])
    reply = await backend(one).open(call(job(seeds=(7, 8))))
    first, second, done = events(reply)
    assert isinstance(first, Artifact)
    assert isinstance(second, Artifact)
    assert isinstance(done, Done)
    assert [base64.b64decode(each.data) for each in (first, second)] == data
    assert [(each.index, each.seed, each.width, each.height, each.format) for each in (first, second)] == [
        (0, 7, 32, 16, "png"), (1, 8, 8, 8, "jpeg"),
    ]  # fmt: skip
    assert done.nanousd == 40_000_000
    (sent,) = vendor.creates
    assert (sent.path, sent.headers["authorization"], sent.fields) == (
        "/v1/images", "Bearer s3cret", {"model": "m1", "prompt": "A boat", "n": 2},
    )  # fmt: skip


async def test_a_vendor_without_n_is_asked_several_times(vendor: Vendor, backend: Callable[..., MediaProvider]) -> None:
    vendor.created = answer({"data": [{"b64_json": base64_of(picture())}], "credits": 1})
    one = operation(requests=[{"path": "/images", "body": {"seed": "${seed}"}}], cost=[{"path": "credits"}])
    reply = await backend(one).open(call(job(seeds=(1, 2, 3, 4, 5, 6))))
    told = events(reply)
    assert sorted(each.seed for each in told if isinstance(each, Artifact)) == [1, 2, 3, 4, 5, 6]
    assert {each.index: each.seed for each in told if isinstance(each, Artifact)} == dict(enumerate(range(1, 7)))
    assert sorted(each.fields["seed"] for each in vendor.creates) == [1, 2, 3, 4, 5, 6]  # type: ignore[type-var]
    assert isinstance(told[-1], Done)
    assert told[-1].nanousd == 6_000_000_000


async def test_a_stream_commits_with_its_first_picture(vendor: Vendor, backend: Callable[..., MediaProvider]) -> None:
    vendor.created = answer({"data": [{"b64_json": base64_of(picture())}] * 2})
    heard: list[Event] = []
    reply = await backend(operation(limits={"n": 2})).open(call(job(seeds=(7, 8)), heard, stream=True))
    assert not reply.complete
    told = events(reply) + [event_of(line) async for line in reply]
    assert [type(each) for each in told] == [Artifact, Artifact, Done]
    assert [each.name for each in heard if isinstance(each, Stage)] == ["create", "download"]


async def test_a_clip_is_asked_after_until_it_is_there(
    vendor: Vendor, backend: Callable[..., MediaProvider], clock: Clock, tmp_path: Path
) -> None:
    link = vendor.link("c.mp4", CLIP)
    vendor.states = [
        answer({"status": "PENDING"}), answer({"status": "RUNNING", "progress": 0.5}), answer(b"busy", 503),
        answer({"status": "DREAMING", "progress": 0.4}),
        answer({"status": "SUCCEEDED", "output": [link], "credits": 50}),
    ]  # fmt: skip
    heard: list[Event] = []
    reply = await backend(clips()).open(call(clip(tmp_path), heard))
    made, done = events(reply)
    assert isinstance(made, Artifact)
    assert isinstance(done, Done)
    assert (made.role, made.format, made.bytes, made.data) == ("clip", "mp4", len(CLIP), "")
    assert Path(made.path).read_bytes() == CLIP
    assert [path.name for path in tmp_path.iterdir()] == [Path(made.path).name], "nothing half lies about"
    assert done.nanousd == 500_000_000
    assert clock.slept == [0.5, 0.75, 1.125, 1.688, 2.531], "ever more slowly"
    (remote,) = [each.task for each in heard if isinstance(each, Remote)]
    assert (remote.provider, remote.id) == ("fake", "t1")
    assert [(each.name, each.percent) for each in heard if isinstance(each, Stage)] == [
        ("create", 0), ("queued", 0), ("render", 50), ("download", 95),
    ]  # fmt: skip
    assert [each.path for each in vendor.looks] == ["/v1/tasks/t1"] * 5
    assert [each.path for each in vendor.creates] == ["/v1/clips"]
    (fetch,) = [each for each in vendor.cloud.sent if each.path.startswith("/files")]
    assert "authorization" not in fetch.headers, "the key is for the API"


async def test_a_restart_goes_on_and_pays_no_second_time(
    vendor: Vendor, backend: Callable[..., MediaProvider], tmp_path: Path
) -> None:
    vendor.states = [answer({"status": "SUCCEEDED", "output": [vendor.link("c.mp4", CLIP)]})]
    heard: list[Event] = []
    await backend(clips()).open(call(clip(tmp_path), heard))
    task = next(each.task for each in heard if isinstance(each, Remote))
    later = json.loads(msgspec.json.encode(clip(tmp_path, remote=task)))
    reply = await backend(clips()).open(call(msgspec.convert(later, MediaJob)))
    assert isinstance(events(reply)[-1], Done)
    assert len(vendor.creates) == 1
    elsewhere = msgspec.structs.replace(task, provider="other")
    error = await refused(backend(clips()), clip(tmp_path, remote=elsewhere))
    assert (error.cause, len(vendor.creates)) == (Cause.UNKNOWN_OUTCOME, 1)


async def test_the_urls_that_an_answer_names_are_followed(
    vendor: Vendor, backend: Callable[..., MediaProvider], tmp_path: Path
) -> None:
    base = vendor.cloud.base_url
    vendor.created = answer({"id": "t/1", "status_url": f"{base}/s", "response_url": f"{base}/r", "stop": f"{base}/x"})
    vendor.states = [answer({"status": "RUNNING"}, 202), answer({"status": "SUCCEEDED"}),
                     answer({"output": [vendor.link("c.mp4", CLIP)]})]  # fmt: skip
    queue = clips(job={"poll": {"url": "status_url"}, "fetch": {"url": "response_url"}, "cancel": {"url": "stop"}})
    heard: list[Event] = []
    await backend(queue).open(call(clip(tmp_path), heard))
    assert [each.path for each in vendor.looks] == ["/v1/s", "/v1/s", "/v1/r"]
    task = next(each.task for each in heard if isinstance(each, Remote))
    assert (task.poll, task.fetch, task.cancel) == (f"{base}/s", f"{base}/r", f"{base}/x")
    assert all(each.headers["authorization"] == "Bearer s3cret" for each in vendor.looks)


async def test_a_result_is_fetched_by_a_name_of_its_own(
    vendor: Vendor, backend: Callable[..., MediaProvider], tmp_path: Path
) -> None:
    vendor.states = [answer({"status": "SUCCEEDED", "file_id": 99}), answer({"output": [vendor.link("c.mp4", CLIP)]})]
    two = clips(job={"fetch": {"ref": "file_id", "path": "/files?id=${ref}"}})
    assert (await backend(two).open(call(clip(tmp_path)))).complete
    assert [each.path for each in vendor.looks] == ["/v1/tasks/t1", "/v1/files?id=99"]


async def test_a_name_is_one_part_of_a_path(
    vendor: Vendor, backend: Callable[..., MediaProvider], tmp_path: Path
) -> None:
    vendor.created = answer({"id": "../keys?x#y"})
    vendor.states = [answer({"status": "FAILED"})]
    await refused(backend(clips()), clip(tmp_path))
    assert vendor.looks[0].path == "/v1/tasks/..%2Fkeys%3Fx%23y"


async def test_the_first_request_whose_needs_are_met(
    vendor: Vendor, backend: Callable[..., MediaProvider], tmp_path: Path
) -> None:
    vendor.states = [answer({"status": "SUCCEEDED", "output": [vendor.link("c.mp4", CLIP)]})]
    given = Source(data=base64_of(picture()))
    await backend(clips()).open(call(clip(tmp_path, task="animate", images=(given,))))
    (sent,) = vendor.creates
    assert sent.path == "/v1/animations"
    assert sent.fields == {
        "prompt": "A boat", "image": f"data:image/png;base64,{base64_of(picture())}", "seconds": 5,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"mask": Source(data=base64_of(picture()))}, "mask"),
        ({"last": Source(data=base64_of(picture()))}, "last"),
        ({"images": (Source(data=base64_of(picture())),) * 2}, "image"),
        ({"images": (Source(data=base64_of(b"no picture")),)}, "images[0]"),
        ({"prompt": "x" * 51}, "prompt"),
        ({"prompt": "\N{SAILBOAT}\N{CAMERA}" * 17}, "prompt"),
    ],
)
async def test_what_a_vendor_cannot_take_is_refused_and_never_left_out(
    vendor: Vendor, backend: Callable[..., MediaProvider], tmp_path: Path, fields: dict[str, Any], param: str
) -> None:
    limited = clips(limits={"prompt_characters": 50})
    error = await refused(backend(limited), clip(tmp_path, **fields))
    assert (error.cause, error.param, vendor.creates) == (Cause.INVALID_REQUEST, param, [])


async def test_several_requests_are_not_taken_up_again(vendor: Vendor, backend: Callable[..., MediaProvider]) -> None:
    task = RemoteTask(provider="fake", id="t1")
    error = await refused(backend(operation()), job(seeds=(1, 2), remote=task))
    assert (error.cause, error.param, vendor.creates) == (Cause.INVALID_REQUEST, "remote", [])


async def test_a_model_without_that_operation(vendor: Vendor, backend: Callable[..., MediaProvider]) -> None:
    error = await refused(backend(operation(models=["other-*"])), job())
    assert (error.cause, error.code) == (Cause.INVALID_REQUEST, "model_not_supported")


async def test_links_that_end_are_asked_for_anew(
    vendor: Vendor, backend: Callable[..., MediaProvider], tmp_path: Path
) -> None:
    old, new = vendor.link("old", b""), vendor.link("new", CLIP)
    vendor.files["/files/old"] = answer(b"expired", 403)
    vendor.states = [answer({"status": "SUCCEEDED", "output": [old]}), answer({"status": "SUCCEEDED", "output": [new]})]
    reply = await backend(clips()).open(call(clip(tmp_path)))
    assert isinstance(events(reply)[0], Artifact)
    assert len(vendor.looks) == 2


async def test_an_upload_comes_first_and_is_named(vendor: Vendor, backend: Callable[..., MediaProvider]) -> None:
    vendor.files["/v1/uploads"] = answer({"files": [{"id": "up-1"}]})
    vendor.created = answer({"data": [{"b64_json": base64_of(picture())}]})
    one = operation(
        tasks=["edit"], upload={"path": "/uploads", "ref": "files[0].id"},
        requests=[{"needs": ["image"], "path": "/edits", "body": {"source": {"uploadId": "${image_ref}"}}}],
    )  # fmt: skip
    await backend(one).open(call(job(task="edit", images=(Source(data=base64_of(picture())),))))
    upload, create = vendor.cloud.sent
    assert (upload.body, upload.headers["content-type"]) == (picture(), "image/png")
    assert create.fields == {"source": {"uploadId": "up-1"}}


async def test_a_form_carries_files(vendor: Vendor, backend: Callable[..., MediaProvider]) -> None:
    vendor.created = answer({"data": [{"b64_json": base64_of(picture())}]})
    form = {"model": "${model}", "image[]": "${images}", "n": "${n}", "mask": "${mask}"}
    one = operation(tasks=["edit"], requests=[{"path": "/edits", "form": form}])
    await backend(one).open(call(job(task="edit", images=(Source(data=base64_of(picture())),) * 2)))
    (sent,) = vendor.creates
    assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert sent.body.count(picture()) == 2
    assert sent.body.count(b'name="image[]"; filename="file.png"') == 2
    assert b'name="mask"' not in sent.body


async def test_signs_of_life_while_a_vendor_is_silent(vendor: Vendor, clock: Clock) -> None:
    client = CloudClient({"FAKE_KEY": "s3cret"}.get)
    gate = asyncio.Event()
    made = Pace(clock=lambda: clock.now, sleep=lambda _: _until(gate), alive=0.01)
    vendor.states = [answer({"status": "SUCCEEDED", "output": ["x"]})]
    heard: list[str] = []

    def told(line: bytes) -> None:
        heard.append(type(event_of(line)).__name__)
        if heard.count("Alive") == 3:
            gate.set()

    slow = clips(makes="picture", result={"path": "output[]", "kind": "base64"})
    backend = MediaProvider(vendor.provider(slow), "m1", client, Downloads(), made)
    with pytest.raises(BackendError):
        await backend.open(msgspec.structs.replace(call(job()), heard=told))
    assert heard.count("Alive") >= 3
    await client.aclose()


async def _until(gate: asyncio.Event) -> None:
    await gate.wait()
