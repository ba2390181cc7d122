"""What goes wrong at a vendor: one outcome each, never a second paid request, and nothing told that is not so."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.cloud.client import CloudClient
from backends.cloud.media.adapter import MediaProvider
from backends.cloud.media.downloads import Downloads
from backends.cloud.media.vendor import Pace
from backends.contract import Call
from backends.errors import BackendError, Cause
from backends.wire.media_job import Remote, RemoteTask, Source, event_of
from tests.fakes.cloud import RESET, SILENCE, Script, Sent, answer
from tests.fakes.vendor import CLIP, Vendor, base64_of, clips, operation, picture
from tests.unit.backends.cloud.media.stage import Clock, call, clip, job, refused, turns

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n"
DONE = {"status": "SUCCEEDED", "output": ["https://cdn.example/x"]}
Backends = Callable[..., MediaProvider]


@pytest.mark.parametrize(
    ("created", "cause"),
    [
        ((RESET,), Cause.UNKNOWN_OUTCOME),
        ((SILENCE,), Cause.UNKNOWN_OUTCOME),
        ((HEAD, b'{"id"', RESET), Cause.UNKNOWN_OUTCOME),
        ((HEAD, b'{"id"', SILENCE), Cause.UNKNOWN_OUTCOME),
        (answer({"error": "oops"}, 500), Cause.UNKNOWN_OUTCOME),
        (answer(b"<html>", 502, "text/html"), Cause.UNKNOWN_OUTCOME),
        (answer(b"", 504), Cause.UNKNOWN_OUTCOME),
        (answer(b"what", 200), Cause.UNKNOWN_OUTCOME),
        (answer({"no": "name"}), Cause.UNKNOWN_OUTCOME),
        (answer({"error": "wait"}, 429, retry_after="3"), Cause.UPSTREAM_RATE_LIMITED),
        (answer({"error": "wait"}, 503), Cause.UPSTREAM_ERROR),
        (answer({"error": "key"}, 401), Cause.PROVIDER_ACCOUNT),
        (answer({"error": "money"}, 402), Cause.PROVIDER_ACCOUNT),
        (answer({"failure": "NO_CREDIT left"}, 400), Cause.PROVIDER_ACCOUNT),
        (answer({"failure": "SAFETY.INPUT"}, 400), Cause.CONTENT_REFUSED),
        (answer({"failure": "SAFETY.INPUT"}, 500), Cause.CONTENT_REFUSED),
        (answer({"failure": "ratio is odd"}, 400), Cause.INVALID_REQUEST),
        (answer(b"", 302, location="https://elsewhere.example/"), Cause.UPSTREAM_PROTOCOL),
    ],
)
async def test_every_fault_of_a_paid_request_has_one_outcome(
    vendor: Vendor, backend: Backends, tmp_path: Path, created: Script, cause: Cause
) -> None:
    vendor.created = created
    error = await refused(backend(clips(seconds=2.0)), clip(tmp_path))
    assert error.cause is cause
    assert len(vendor.creates) == 1, "never twice"
    assert vendor.looks == []
    assert "s3cret" not in repr(error) + error.private


async def test_the_words_about_a_request_are_told(vendor: Vendor, backend: Backends, tmp_path: Path) -> None:
    vendor.created = answer({"failure": "ratio is odd"}, 400)
    assert "ratio is odd" in (await refused(backend(clips()), clip(tmp_path))).detail


async def test_nobody_is_there(vendor: Vendor, backend: Backends, tmp_path: Path) -> None:
    error = await refused(backend(clips(), base_url="http://127.0.0.1:1"), clip(tmp_path))
    assert error.cause is Cause.UPSTREAM_CONNECT, "nothing was sent, so another may be asked"


@pytest.mark.parametrize(
    ("states", "cause"),
    [
        ([answer({"status": "FAILED", "failure": "no reason"})], Cause.UPSTREAM_ERROR),
        ([answer({"status": "FAILED", "failure": "SAFETY.OUTPUT"})], Cause.CONTENT_REFUSED),
        ([answer({"status": "MODERATED"})], Cause.CONTENT_REFUSED),
        ([answer({"status": "CANCELLED"})], Cause.UPSTREAM_ERROR),
        ([answer({"status": "RUNNING"})], Cause.UNKNOWN_OUTCOME),
        ([answer(b"", 500)], Cause.UNKNOWN_OUTCOME),
        ([(RESET,)], Cause.UNKNOWN_OUTCOME),
        ([answer({}, 404)], Cause.UNKNOWN_OUTCOME),
        ([answer({}, 401)], Cause.UNKNOWN_OUTCOME),
        ([answer({"status": "SUCCEEDED", "output": []})], Cause.UNKNOWN_OUTCOME),
        ([answer(DONE | {"output": ["http://127.0.0.1:9/internal"]})], Cause.UNKNOWN_OUTCOME),
        ([answer(DONE | {"output": ["file:///etc/passwd"]})], Cause.UNKNOWN_OUTCOME),
    ],
)
async def test_every_end_of_work_that_was_begun(
    vendor: Vendor, backend: Backends, tmp_path: Path, states: list[Script], cause: Cause
) -> None:
    vendor.states = states
    error = await refused(backend(clips()), clip(tmp_path))
    assert (error.cause, len(vendor.creates)) == (cause, 1)
    assert list(tmp_path.iterdir()) == []


async def test_work_that_does_not_end_is_cancelled(vendor: Vendor, backend: Backends, tmp_path: Path) -> None:
    vendor.states = [answer({"status": "RUNNING"})]
    await refused(backend(clips()), clip(tmp_path))
    assert [(each.method, each.path) for each in vendor.cancels] == [("DELETE", "/v1/tasks/t1")]


async def test_a_moment_of_faults_while_waiting_is_nothing(vendor: Vendor, backend: Backends, tmp_path: Path) -> None:
    link = vendor.link("c", CLIP)
    vendor.states = [(RESET,), answer({}, 404), answer(b"", 500), answer({}, 404), answer({}, 429),
                     answer({"status": "SUCCEEDED", "output": [link]})]  # fmt: skip
    assert (await backend(clips()).open(call(clip(tmp_path)))).complete
    assert len(vendor.creates) == 1


async def test_a_vendor_that_wants_to_be_left_alone_is(
    vendor: Vendor, backend: Backends, clock: Clock, tmp_path: Path
) -> None:
    vendor.states = [answer({}, 429, retry_after="17"), answer({}, 429, retry_after="999"),
                     answer({"status": "FAILED"})]  # fmt: skip
    await refused(backend(clips(job={"deadline": 900})), clip(tmp_path))
    assert clock.slept == [0.5, 17.0, 120.0]


@pytest.mark.parametrize("number", range(40))
async def test_whatever_comes_is_paid_once_and_ends(
    vendor: Vendor, backend: Backends, clock: Clock, tmp_path: Path, number: int
) -> None:
    chance = random.Random(number)
    link = vendor.link("c", CLIP)
    anything: list[Script] = [
        (RESET,), (HEAD, b"{", RESET), answer(b"", 500), answer({}, 404), answer({}, 429), answer(b"<html>"),
        answer([]), answer({"status": 5}), answer({"status": "RUNNING"}), answer({"status": "FAILED"}),
        answer({"status": "SUCCEEDED", "output": [link]}), answer({"status": "SUCCEEDED", "output": {"x": 1}}),
        answer(b"", 302, location="https://elsewhere.example/"), answer({"status": "SUCCEEDED", "output": ["no"]}),
    ]  # fmt: skip
    vendor.states = chance.choices(anything, k=12)
    failed: BackendError | None = None
    try:
        await backend(clips()).open(call(clip(tmp_path)))
    except BackendError as error:
        failed = error
    assert failed is None or failed.cause in (Cause.UNKNOWN_OUTCOME, Cause.UPSTREAM_ERROR)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([CLIP] if failed is None else [])
    assert len(vendor.creates) == 1
    assert clock.now <= 60 + 3 * 60, "its own deadline, and those of links asked for anew"


@pytest.mark.parametrize("content", [b"<html>gone</html>", picture(), b"", b"\0\0\0\x18free"])
async def test_only_a_clip_is_a_clip(vendor: Vendor, backend: Backends, tmp_path: Path, content: bytes) -> None:
    vendor.states = [answer({"status": "SUCCEEDED", "output": [vendor.link("c", content)]})]
    assert (await refused(backend(clips()), clip(tmp_path))).cause is Cause.UNKNOWN_OUTCOME
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [CLIP, b"GIF89a", b"\x89PNG\r\n\x1a\nnothing more"])
async def test_only_a_picture_is_a_picture(vendor: Vendor, backend: Backends, content: bytes) -> None:
    vendor.created = answer({"data": [{"b64_json": base64_of(content)}]})
    assert (await refused(backend(operation()), job())).cause is Cause.UNKNOWN_OUTCOME


async def test_a_refusal_that_looks_like_a_success(vendor: Vendor, backend: Backends) -> None:
    flagged = operation(refused="data[?is_safe==`false`]")
    vendor.created = answer({"data": [{"b64_json": "", "is_safe": False}]})
    assert (await refused(backend(flagged), job())).cause is Cause.CONTENT_REFUSED
    vendor.created = answer({"data": [{"b64_json": base64_of(picture()), "is_safe": False}]})
    assert (await backend(flagged).open(call(job()))).complete, "what is there, is there"


async def test_a_failure_that_looks_like_a_success(vendor: Vendor, backend: Backends) -> None:
    coded = operation(
        failure={"when": "code != `0`", "message": ["message"], "account": ['"code":1102'], "refused": ['"code":1301'],
                 "limited": ['"code":1303']}
    )  # fmt: skip
    for code, cause in (
        (1102, Cause.PROVIDER_ACCOUNT), (1301, Cause.CONTENT_REFUSED), (1303, Cause.UPSTREAM_RATE_LIMITED),
        (9999, Cause.UPSTREAM_ERROR),
    ):  # fmt: skip
        vendor.created = answer({"code": code, "message": "said"})
        assert (await refused(backend(coded), job())).cause is cause


async def test_when_one_of_several_pictures_fails_nothing_more_is_begun(vendor: Vendor, backend: Backends) -> None:
    good = answer({"data": [{"b64_json": base64_of(picture())}]})
    wrong = answer({"error": "wait"}, 429)

    def chosen(sent: Sent) -> Script:
        vendor.creates.append(sent)
        return good if sent.fields["seed"] == 1 else wrong

    vendor.cloud.choose = chosen
    one = operation(requests=[{"path": "/images", "body": {"seed": "${seed}"}}])
    error = await refused(backend(one, concurrent=1), job(seeds=(1, 2, 3, 4)))
    assert error.cause is Cause.UNKNOWN_OUTCOME, "one is paid for: nobody else is to be paid for all of them"
    assert [each.fields["seed"] for each in vendor.creates] == [1, 2]
    error = await refused(backend(one, concurrent=1), job(seeds=(2, 3)))
    assert error.cause is Cause.UPSTREAM_RATE_LIMITED


class Hold:
    """Sleeps until it is cancelled, and says when it has begun to."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def sleep(self, _: float) -> None:
        self.begun.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("lasting", [False, True])
async def test_who_goes_away_cancels_what_is_not_to_last(vendor: Vendor, tmp_path: Path, *, lasting: bool) -> None:
    client, hold = CloudClient({"FAKE_KEY": "s3cret"}.get), Hold()
    backend = MediaProvider(vendor.provider(clips()), "m1", client, Downloads(), Pace(sleep=hold.sleep))
    remotes: list[Remote] = []

    def heard(line: bytes) -> None:
        event = event_of(line)
        if isinstance(event, Remote):
            remotes.append(event)

    body = call(clip(tmp_path, lasting=lasting)).body
    opening = asyncio.ensure_future(backend.open(Call(path="/jobs", body=body, lines=True, heard=heard)))
    await asyncio.wait_for(hold.begun.wait(), 10)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await turns()
    await backend.aclose()
    assert [each.path for each in vendor.cancels] == ([] if lasting else ["/v1/tasks/t1"])
    deleting = call(clip(tmp_path, lasting=True, remote=remotes[0].task)).body
    reply = await backend.open(Call(path="/jobs/j1", method="DELETE", body=deleting, bare=True))
    assert (reply.status, vendor.cancels[-1].path) == (204, "/v1/tasks/t1")
    await client.aclose()


async def test_work_is_ended_also_where_its_files_are_gone(vendor: Vendor, backend: Backends, tmp_path: Path) -> None:
    moving = clips(requests=[{"needs": ["image"], "path": "/animations", "body": {"image": "${image|b64}"}}])
    begun = RemoteTask(provider="fake", id="t1")
    gone = clip(tmp_path, task="animate", images=(Source(path=str(tmp_path / "gone.png")),), remote=begun)
    await backend(moving).open(Call(path="/jobs/j1", method="DELETE", body=call(gone).body, bare=True))
    assert [each.path for each in vendor.cancels] == ["/v1/tasks/t1"]


async def test_what_a_cancelled_request_begins_is_cancelled_too(vendor: Vendor, tmp_path: Path) -> None:
    client = CloudClient({"FAKE_KEY": "s3cret"}.get)
    backend = MediaProvider(vendor.provider(clips()), "m1", client, Downloads())
    asked = asyncio.Event()
    known = vendor.cloud.choose
    assert known is not None

    def chosen(sent: Sent) -> Script:
        if sent.method == "POST":
            asked.set()
        return known(sent)

    vendor.cloud.choose = chosen
    opening = asyncio.ensure_future(backend.open(call(clip(tmp_path))))
    await asyncio.wait_for(asked.wait(), 10)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await turns()
    await backend.aclose()
    assert [each.path for each in vendor.cancels] == ["/v1/tasks/t1"]
    await client.aclose()


@pytest.mark.parametrize("body", [b"{}", b"no json"])
async def test_what_is_no_job(backend: Backends, body: bytes) -> None:
    for asked in (Call(path="/jobs", body=body, lines=True), Call(path="/v1/chat/completions", body=body)):
        with pytest.raises(BackendError) as caught:
            await backend(operation()).open(asked)
        assert caught.value.cause is Cause.INVALID_REQUEST


async def test_an_upload_that_fails_costs_nothing(vendor: Vendor, backend: Backends) -> None:
    one = operation(
        tasks=["edit"], upload={"path": "/uploads", "ref": "id"},
        requests=[{"path": "/edits", "body": {"source": "${image_ref}"}}],
    )  # fmt: skip
    given = job(task="edit", images=(Source(data=base64_of(picture())),))
    for script, cause in (
        (answer({}, 403), Cause.PROVIDER_ACCOUNT), (answer({"no": 1}), Cause.UPSTREAM_ERROR),
        (answer(b"", 500), Cause.UPSTREAM_ERROR),
    ):  # fmt: skip
        vendor.files["/v1/uploads"] = script
        assert (await refused(backend(one), given)).cause is cause
    assert vendor.creates == []
