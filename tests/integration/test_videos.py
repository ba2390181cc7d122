"""Video jobs through the whole gateway, from a worker whose clips say what they were asked for."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.picture_profile import encoded_picture, picture_file, video_profile
from tests.fakes.video_client import URL, VideoClient, error, wanted


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    profiles = {"film": video_profile("film"), "plain": video_profile("plain", tasks="[video]")}
    async with running_gateway(profiles) as running:
        yield running


@pytest.fixture
def videos(gateway: RunningGateway) -> VideoClient:
    return VideoClient(gateway.client)


# --- from creation to content -----------------------------------------------------------------------------------------


async def test_a_job_from_its_creation_to_its_files(videos: VideoClient) -> None:
    queued = await videos.created(seconds="2", negative_prompt="dogs", steps=3, guidance=2.5, audio=False)
    assert (queued["object"], queued["status"], queued["progress"]) == ("video", "queued", 0)
    assert queued["completed_at"] is None
    done = await videos.ended(queued)
    assert (done["status"], done["progress"], done["error"]) == ("completed", 100, None)
    assert done["completed_at"] >= done["created_at"]
    assert done["expires_at"] > done["completed_at"]
    assert (done["model"], done["size"], done["seconds"], done["prompt"]) == ("film", "64x32", "2.12", "a cat")
    ours = done["forebay"]
    assert (ours["variant"], ours["backend"], ours["where"], ours["attempts"]) == ("only", "external", "local", 1)
    assert (ours["frames"], ours["fps"], ours["seed"], ours["task"]) == (17, 8.0, 7, "video")
    clip = await videos.said(done)
    assert clip == {
        "task": "generate", "prompt": "a cat", "width": 64, "height": 32, "frames": 17, "fps": 8.0, "seed": 7,
        "steps": 3, "guidance": 2.5, "sound": False, "strength": None, "digests": [], "role": "clip",
    }  # fmt: skip
    assert (await videos.said(done, "thumbnail"))["role"] == "thumbnail"
    assert (await videos.said(done, "spritesheet"))["role"] == "sheet"


async def test_clients_hear_how_often_to_look(videos: VideoClient) -> None:
    video = await videos.created()
    looked = await videos.http.get(f"{URL}/{video['id']}")
    assert looked.headers["openai-poll-after-ms"] == "1000"
    await videos.ended(video)


async def test_the_short_path_is_the_same(videos: VideoClient) -> None:
    answer = await videos.http.post("/v1/video", json=wanted())
    assert (await videos.ended(answer.json()))["status"] == "completed"


async def test_lengths_and_sizes_are_snapped_and_the_job_says_so(videos: VideoClient) -> None:
    video = await videos.created(seconds=1.3, size="100x50")
    assert (video["size"], video["forebay"]["frames"]) == ("104x48", 9)
    assert video["forebay"]["notes"] == [
        "size 104x48 instead of 100x50",
        "9 pictures instead of 10: clips have 5 to 81 pictures, 4 n + 1",
    ]
    longest = await videos.created(seconds=100, fps=10)
    assert (longest["forebay"]["frames"], longest["seconds"]) == (81, "8.1")


async def test_a_picture_to_begin_with_as_a_form_and_in_json(videos: VideoClient) -> None:
    raw, last = picture_file(40, 40), picture_file(20, 20)
    answer = await videos.http.post(
        URL,
        data={"model": "film", "prompt": "it moves", "seconds": "1", "seed": "3"},
        files={"input_reference": ("a.png", raw, "image/png"), "last_frame": ("b.png", last, "image/png")},
    )
    assert answer.status_code == 200, answer.text
    clip = await videos.said(await videos.ended(answer.json()))
    assert (clip["task"], clip["width"], clip["height"]) == ("animate", 48, 48)
    assert clip["digests"] == [hashlib.sha256(each).hexdigest() for each in (raw, last)]
    encoded = encoded_picture(16, 16)
    for given in ({"b64_json": encoded}, {"image_url": f"data:image/png;base64,{encoded}"}):
        assert (await videos.said(await videos.made(input_reference=given, size="64x64")))["task"] == "animate"


async def test_what_a_model_cannot_do_is_refused_before_it_is_queued(
    gateway: RunningGateway, videos: VideoClient
) -> None:
    picture = {"b64_json": encoded_picture(16, 16)}
    for fields, param in (
        ({"model": "plain", "input_reference": picture}, "model"),
        ({"seconds": "soon"}, "seconds"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": 1e9}, "seconds"),
        ({"size": "0x0"}, "size"),
        ({"steps": 1000}, "steps"),
        ({"loras": [{"name": "x"}]}, "loras[0].name"),
        ({"last_frame": picture}, "last_frame"),
        ({"input_reference": {"b64_json": "AAAA"}}, "input_reference"),
        ({"input_reference": {"file_id": "f"}}, "input_reference.file_id"),
        ({"prompt": ""}, "prompt"),
        ({"priority": 1000}, "priority"),
    ):
        answer = await videos.http.post(URL, json=wanted(**fields))
        assert (answer.status_code, error(answer)["param"]) == (400, param), answer.text
    assert (await videos.http.post(URL, json=wanted(model="nobody"))).status_code == 404
    assert (await videos.http.get(URL)).json()["data"] == []
    assert list((gateway.root / "state" / "results" / "kept").iterdir()) == []


async def test_what_cannot_run_here_is_refused_before_it_is_queued() -> None:
    told = "{id: told, name: told, modality: video, tasks: [video], licence: x, open_weights: true, why_not: is gone}"
    profiles = {"film": video_profile("film"), "large": video_profile("large", size=10**12), "told": told}
    async with running_gateway(profiles, memory_limit=10**9) as gateway:
        videos = VideoClient(gateway.client)
        for model, words in (("large", "does not fit"), ("told", "is gone")):
            answer = await videos.http.post(URL, json=wanted(model=model))
            assert (answer.status_code, error(answer)["param"]) == (503, "model"), answer.text
            assert words in error(answer)["message"]
        assert (await videos.http.get(URL)).json()["data"] == []
        source = await videos.made()
        for path in ("remix", "extend"):
            answer = await videos.http.post(f"{URL}/{source['id']}/{path}", json={"prompt": "x", "model": "large"})
            assert answer.status_code == 503, answer.text


# --- looking ----------------------------------------------------------------------------------------------------------


async def test_a_list_in_pages(videos: VideoClient) -> None:
    ids = [(await videos.created())["id"] for _ in range(5)]
    first = (await videos.http.get(URL, params={"limit": 2})).json()
    assert ([video["id"] for video in first["data"]], first["has_more"]) == (ids[:2:-1], True)
    assert (first["object"], first["first_id"], first["last_id"]) == ("list", ids[4], ids[3])
    rest = (await videos.http.get(URL, params={"limit": 4, "after": first["last_id"]})).json()
    assert ([video["id"] for video in rest["data"]], rest["has_more"]) == (ids[2::-1], False)
    oldest = (await videos.http.get(URL, params={"order": "asc", "limit": 1})).json()
    assert oldest["data"][0]["id"] == ids[0]
    assert (await videos.http.get(URL, params={"after": "video_x"})).status_code == 400
    for given in ({"limit": "0"}, {"limit": "many"}, {"order": "up"}):
        refused = await videos.http.get(URL, params=given)
        assert (refused.status_code, error(refused)["param"]) == (400, next(iter(given)))


async def test_what_is_unknown_is_not_found(videos: VideoClient) -> None:
    for method, path in (
        ("GET", "video_x"), ("DELETE", "video_x"), ("GET", "video_x/content"), ("GET", "video_x/events"),
    ):  # fmt: skip
        answer = await videos.http.request(method, f"{URL}/{path}")
        assert (answer.status_code, error(answer)["code"]) == (404, "video_not_found")
    for path in ("remix", "extend"):
        answer = await videos.http.post(f"{URL}/video_x/{path}", json={"prompt": "x"})
        assert (answer.status_code, error(answer)["code"]) == (404, "video_not_found")


async def test_a_clip_in_parts(videos: VideoClient) -> None:
    video = await videos.made()
    url = f"{URL}/{video['id']}/content"
    whole = await videos.http.get(url)
    assert (whole.headers["accept-ranges"], whole.headers["content-type"]) == ("bytes", "video/mp4")
    assert whole.headers["content-length"] == str(len(whole.content))
    assert whole.headers["etag"] == f'"{hashlib.sha256(whole.content).hexdigest()}"'
    part = await videos.http.get(url, headers={"range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, whole.content[5:10])
    assert part.headers["content-range"] == f"bytes 5-9/{len(whole.content)}"
    other = await videos.http.get(url, headers={"range": "bytes=5-9", "if-range": '"other"'})
    assert (other.status_code, other.content) == (200, whole.content)
    none = await videos.http.get(url, headers={"range": "bytes=100000-"})
    assert (none.status_code, none.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")
    wrong = await videos.http.get(url, params={"variant": "poster"})
    assert (wrong.status_code, error(wrong)["param"]) == (400, "variant")


async def test_events_tell_of_a_job_until_it_ends(videos: VideoClient, tmp_path: Path) -> None:
    video = await videos.created(prompt=f"hold {tmp_path}")
    types: list[str] = []
    async with videos.http.stream("GET", f"{URL}/{video['id']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                event = json.loads(line[6:])
                types.append(event["type"])
                assert event["video"]["id"] == video["id"]
                if event["type"] == "video.in_progress":
                    (tmp_path / "go").touch()
    assert types[-1] == "video.completed"
    assert "video.in_progress" in types


async def test_a_video_that_is_not_ready_has_no_content(videos: VideoClient, tmp_path: Path) -> None:
    video = await videos.created(prompt=f"hold {tmp_path}")
    answer = await videos.content(video)
    assert (answer.status_code, error(answer)["code"]) == (400, "video_not_ready")
    (tmp_path / "go").touch()
    await videos.ended(video)


# --- ending -----------------------------------------------------------------------------------------------------------


async def test_a_running_job_is_cancelled_and_its_engine_is_free(
    gateway: RunningGateway, videos: VideoClient, tmp_path: Path
) -> None:
    video = await videos.created(prompt=f"hold {tmp_path}")
    await gateway.until((tmp_path / "held").exists)
    deleted = await videos.http.delete(f"{URL}/{video['id']}")
    assert deleted.json() == {
        "id": video["id"], "status": "cancelled", "deleted": True, "object": "video.deleted",
    }  # fmt: skip
    await gateway.until(lambda: gateway.in_flight() == 0)
    assert (await videos.ended(video))["status"] == "cancelled"
    assert (await videos.made())["status"] == "completed"


async def test_a_waiting_job_is_cancelled_at_once(videos: VideoClient, tmp_path: Path) -> None:
    held = await videos.created(prompt=f"hold {tmp_path}")
    waiting = [await videos.created() for _ in range(3)]
    for video in waiting:
        await videos.http.delete(f"{URL}/{video['id']}")
        assert (await videos.ended(video))["status"] == "cancelled"
    (tmp_path / "go").touch()
    assert (await videos.ended(held))["status"] == "completed"


async def test_an_ended_job_is_forgotten_with_its_files(gateway: RunningGateway, videos: VideoClient) -> None:
    video = await videos.made(input_reference={"b64_json": encoded_picture(16, 16)})
    kept = gateway.root / "state" / "results" / "kept"
    assert sorted(path.name for path in kept.rglob("*.*")) == [
        "first.png",
        "spritesheet.jpeg",
        "thumbnail.webp",
        "video.mp4",
    ]
    deleted = await videos.http.delete(f"{URL}/{video['id']}")
    assert deleted.json()["deleted"]
    assert list(kept.rglob("*.*")) == []
    assert (await videos.http.get(f"{URL}/{video['id']}")).status_code == 404


@pytest.mark.parametrize(("word", "code"), [("refuse", "content_refused"), ("oom", "out_of_memory")])
async def test_what_would_fail_again_fails_at_once(videos: VideoClient, word: str, code: str) -> None:
    failed = await videos.ended(await videos.created(prompt=word))
    assert (failed["status"], failed["error"]["code"], failed["forebay"]["attempts"]) == ("failed", code, 1)


async def test_a_job_that_kills_its_engine_twice_is_failed(videos: VideoClient) -> None:
    failed = await videos.ended(await videos.created(prompt="die"))
    assert (failed["status"], failed["forebay"]["attempts"]) == ("failed", 2)
    assert failed["error"]["code"] in {"stream_broken", "upstream_error", "upstream_connect"}
