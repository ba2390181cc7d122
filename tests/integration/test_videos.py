"""Video jobs through the whole gateway, from a worker whose clips say what they were asked for."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.picture_profile import encoded_picture, picture_file, video_profile

URL = "/v1/videos"
ENDED = {"completed", "failed", "cancelled", "expired"}


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    profiles = {
        "film": video_profile("film"),
        "plain": video_profile("plain", tasks="[video]"),
    }
    async with running_gateway(profiles) as running:
        yield running


def wanted(**fields: object) -> dict[str, object]:
    return {"model": "film", "prompt": "a cat", "seed": 7} | fields


async def created(gateway: RunningGateway, **fields: object) -> dict:
    answer = await gateway.client.post(URL, json=wanted(**fields))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def now(gateway: RunningGateway, video: dict) -> dict:
    answer = await gateway.client.get(f"{URL}/{video['id']}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ended(gateway: RunningGateway, video: dict) -> dict:
    async with asyncio.timeout(60):
        while (found := await now(gateway, video))["status"] not in ENDED:
            await asyncio.sleep(0.02)
    return found


async def made(gateway: RunningGateway, **fields: object) -> dict:
    done = await ended(gateway, await created(gateway, **fields))
    assert done["status"] == "completed", done
    return done


async def said(gateway: RunningGateway, video: dict, variant: str = "video") -> dict:
    answer = await gateway.client.get(f"{URL}/{video['id']}/content", params={"variant": variant})
    assert answer.status_code == 200, answer.text
    return json.loads(answer.content)


def error(answer: httpx.Response) -> dict:
    return answer.json()["error"]


# --- from creation to content -----------------------------------------------------------------------------------------


async def test_a_job_from_its_creation_to_its_files(gateway: RunningGateway) -> None:
    queued = await created(gateway, seconds="2", negative_prompt="dogs", steps=3, guidance=2.5, audio=False)
    assert (queued["object"], queued["status"], queued["progress"]) == ("video", "queued", 0)
    assert queued["completed_at"] is None
    done = await ended(gateway, queued)
    assert (done["status"], done["progress"], done["error"]) == ("completed", 100, None)
    assert done["completed_at"] >= done["created_at"]
    assert done["expires_at"] > done["completed_at"]
    assert (done["model"], done["size"], done["seconds"], done["prompt"]) == ("film", "64x32", "2.12", "a cat")
    ours = done["forebay"]
    assert (ours["variant"], ours["backend"], ours["where"], ours["attempts"]) == ("only", "external", "local", 1)
    assert (ours["frames"], ours["fps"], ours["seed"], ours["task"]) == (17, 8.0, 7, "video")
    clip = await said(gateway, done)
    assert clip == {
        "task": "generate", "prompt": "a cat", "width": 64, "height": 32, "frames": 17, "fps": 8.0, "seed": 7,
        "steps": 3, "guidance": 2.5, "sound": False, "strength": None, "digests": [], "role": "clip",
    }  # fmt: skip
    assert (await said(gateway, done, "thumbnail"))["role"] == "thumbnail"
    assert (await said(gateway, done, "spritesheet"))["role"] == "sheet"


async def test_the_short_path_is_the_same(gateway: RunningGateway) -> None:
    answer = await gateway.client.post("/v1/video", json=wanted())
    assert (await ended(gateway, answer.json()))["status"] == "completed"


async def test_lengths_and_sizes_are_snapped_and_the_job_says_so(gateway: RunningGateway) -> None:
    video = await created(gateway, seconds=1.3, size="100x50")
    assert (video["size"], video["forebay"]["frames"]) == ("104x48", 9)
    assert video["forebay"]["notes"] == [
        "size 104x48 instead of 100x50",
        "9 pictures instead of 10: clips have 5 to 81 pictures, 4 n + 1",
    ]
    longest = await created(gateway, seconds=100, fps=10)
    assert (longest["forebay"]["frames"], longest["seconds"]) == (81, "8.1")


async def test_a_picture_to_begin_with_as_a_form_and_in_json(gateway: RunningGateway) -> None:
    raw, last = picture_file(40, 40), picture_file(20, 20)
    answer = await gateway.client.post(
        URL,
        data={"model": "film", "prompt": "it moves", "seconds": "1", "seed": "3"},
        files={"input_reference": ("a.png", raw, "image/png"), "last_frame": ("b.png", last, "image/png")},
    )
    assert answer.status_code == 200, answer.text
    clip = await said(gateway, await ended(gateway, answer.json()))
    assert (clip["task"], clip["width"], clip["height"]) == ("animate", 48, 48)
    assert clip["digests"] == [hashlib.sha256(each).hexdigest() for each in (raw, last)]
    encoded = encoded_picture(16, 16)
    for given in ({"b64_json": encoded}, {"image_url": f"data:image/png;base64,{encoded}"}):
        assert (await said(gateway, await made(gateway, input_reference=given, size="64x64")))["task"] == "animate"


async def test_what_a_model_cannot_do_is_refused_before_it_is_queued(gateway: RunningGateway) -> None:
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
        answer = await gateway.client.post(URL, json=wanted(**fields))
        assert (answer.status_code, error(answer)["param"]) == (400, param), answer.text
    assert (await gateway.client.post(URL, json=wanted(model="nobody"))).status_code == 404
    assert (await gateway.client.get(URL)).json()["data"] == []
    assert list((gateway.root / "state" / "results" / "kept").iterdir()) == []


# --- looking ----------------------------------------------------------------------------------------------------------


async def test_a_list_in_pages(gateway: RunningGateway) -> None:
    ids = [(await created(gateway))["id"] for _ in range(5)]
    first = (await gateway.client.get(URL, params={"limit": 2})).json()
    assert ([video["id"] for video in first["data"]], first["has_more"]) == (ids[:2:-1], True)
    assert (first["object"], first["first_id"], first["last_id"]) == ("list", ids[4], ids[3])
    rest = (await gateway.client.get(URL, params={"limit": 4, "after": first["last_id"]})).json()
    assert ([video["id"] for video in rest["data"]], rest["has_more"]) == (ids[2::-1], False)
    oldest = (await gateway.client.get(URL, params={"order": "asc", "limit": 1})).json()
    assert oldest["data"][0]["id"] == ids[0]
    assert (await gateway.client.get(URL, params={"after": "video_x"})).status_code == 400
    assert (await gateway.client.get(URL, params={"limit": 0})).status_code == 400


async def test_what_is_unknown_is_not_found(gateway: RunningGateway) -> None:
    for method, path in (
        ("GET", "video_x"), ("DELETE", "video_x"), ("GET", "video_x/content"), ("GET", "video_x/events"),
    ):  # fmt: skip
        answer = await gateway.client.request(method, f"{URL}/{path}")
        assert (answer.status_code, error(answer)["code"]) == (404, "video_not_found")
    for path in ("remix", "extend"):
        answer = await gateway.client.post(f"{URL}/video_x/{path}", json={"prompt": "x"})
        assert (answer.status_code, error(answer)["code"]) == (404, "video_not_found")


async def test_a_clip_in_parts(gateway: RunningGateway) -> None:
    video = await made(gateway)
    url = f"{URL}/{video['id']}/content"
    whole = await gateway.client.get(url)
    assert (whole.headers["accept-ranges"], whole.headers["content-type"]) == ("bytes", "video/mp4")
    assert whole.headers["content-length"] == str(len(whole.content))
    assert whole.headers["etag"] == f'"{hashlib.sha256(whole.content).hexdigest()}"'
    part = await gateway.client.get(url, headers={"range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, whole.content[5:10])
    assert part.headers["content-range"] == f"bytes 5-9/{len(whole.content)}"
    other = await gateway.client.get(url, headers={"range": "bytes=5-9", "if-range": '"other"'})
    assert (other.status_code, other.content) == (200, whole.content)
    none = await gateway.client.get(url, headers={"range": "bytes=100000-"})
    assert (none.status_code, none.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")
    wrong = await gateway.client.get(url, params={"variant": "poster"})
    assert (wrong.status_code, error(wrong)["param"]) == (400, "variant")


async def test_events_tell_of_a_job_until_it_ends(gateway: RunningGateway, tmp_path: Path) -> None:
    video = await created(gateway, prompt=f"hold {tmp_path}")
    types: list[str] = []
    async with gateway.client.stream("GET", f"{URL}/{video['id']}/events") as stream:
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


async def test_a_video_that_is_not_ready_has_no_content(gateway: RunningGateway, tmp_path: Path) -> None:
    video = await created(gateway, prompt=f"hold {tmp_path}")
    answer = await gateway.client.get(f"{URL}/{video['id']}/content")
    assert (answer.status_code, error(answer)["code"]) == (400, "video_not_ready")
    (tmp_path / "go").touch()
    await ended(gateway, video)


# --- ending -----------------------------------------------------------------------------------------------------------


async def test_a_running_job_is_cancelled_and_its_engine_is_free(gateway: RunningGateway, tmp_path: Path) -> None:
    video = await created(gateway, prompt=f"hold {tmp_path}")
    await gateway.until((tmp_path / "held").exists)
    deleted = await gateway.client.delete(f"{URL}/{video['id']}")
    assert deleted.json() == {
        "id": video["id"], "status": "cancelled", "deleted": True, "object": "video.deleted",
    }  # fmt: skip
    await gateway.until(lambda: gateway.in_flight() == 0)
    assert (await ended(gateway, video))["status"] == "cancelled"
    assert (await made(gateway))["status"] == "completed"


async def test_a_waiting_job_is_cancelled_at_once(gateway: RunningGateway, tmp_path: Path) -> None:
    held = await created(gateway, prompt=f"hold {tmp_path}")
    waiting = [await created(gateway) for _ in range(3)]
    for video in waiting:
        await gateway.client.delete(f"{URL}/{video['id']}")
        assert (await ended(gateway, video))["status"] == "cancelled"
    (tmp_path / "go").touch()
    assert (await ended(gateway, held))["status"] == "completed"


async def test_an_ended_job_is_forgotten_with_its_files(gateway: RunningGateway) -> None:
    video = await made(gateway, input_reference={"b64_json": encoded_picture(16, 16)})
    kept = gateway.root / "state" / "results" / "kept"
    assert sorted(path.name for path in kept.rglob("*.*")) == [
        "first.png",
        "spritesheet.jpeg",
        "thumbnail.webp",
        "video.mp4",
    ]
    deleted = await gateway.client.delete(f"{URL}/{video['id']}")
    assert deleted.json()["deleted"]
    assert list(kept.rglob("*.*")) == []
    assert (await gateway.client.get(f"{URL}/{video['id']}")).status_code == 404


@pytest.mark.parametrize(("word", "code"), [("refuse", "content_refused"), ("oom", "out_of_memory")])
async def test_what_would_fail_again_fails_at_once(gateway: RunningGateway, word: str, code: str) -> None:
    failed = await ended(gateway, await created(gateway, prompt=word))
    assert (failed["status"], failed["error"]["code"], failed["forebay"]["attempts"]) == ("failed", code, 1)


async def test_a_job_that_kills_its_engine_twice_is_failed(gateway: RunningGateway) -> None:
    failed = await ended(gateway, await created(gateway, prompt="die"))
    assert (failed["status"], failed["forebay"]["attempts"]) == ("failed", 2)
    assert failed["error"]["code"] in {"stream_broken", "upstream_error", "upstream_connect"}


# --- the same request again -------------------------------------------------------------------------------------------


async def test_an_idempotency_key_makes_one_job(gateway: RunningGateway) -> None:
    headers = {"idempotency-key": "k1"}
    first, again = [(await gateway.client.post(URL, json=wanted(), headers=headers)).json() for _ in range(2)]
    assert first["id"] == again["id"]
    other = await gateway.client.post(URL, json=wanted(prompt="a dog"), headers=headers)
    assert (other.status_code, error(other)["code"]) == (400, "idempotency_key_reused")
    raw = picture_file(16, 16)
    forms = [
        await gateway.client.post(
            URL, headers={"idempotency-key": "k2"}, data={"model": "film", "prompt": "x"},
            files={"input_reference": ("a.png", file, "image/png")},
        )
        for file in (raw, raw, picture_file(24, 16))
    ]  # fmt: skip
    assert forms[0].json()["id"] == forms[1].json()["id"]
    assert forms[2].status_code == 400


# --- from one clip to the next ----------------------------------------------------------------------------------------


async def test_a_remix_changes_the_clip_where_the_model_can(gateway: RunningGateway) -> None:
    source = await made(gateway)
    raw = (await gateway.client.get(f"{URL}/{source['id']}/content")).content
    answer = await gateway.client.post(f"{URL}/{source['id']}/remix", json={"prompt": "a dog", "strength": 0.4})
    assert answer.json()["remixed_from_video_id"] == source["id"]
    clip = await said(gateway, await ended(gateway, answer.json()))
    assert (clip["task"], clip["prompt"], clip["strength"]) == ("restyle", "a dog", 0.4)
    assert clip["digests"] == [hashlib.sha256(raw).hexdigest()]
    by_name = await gateway.client.post(f"{URL}/edits", json={"prompt": "a dog", "video": {"id": source["id"]}})
    assert (await ended(gateway, by_name.json()))["status"] == "completed"


async def test_a_remix_begins_from_the_same_seed_where_it_cannot(gateway: RunningGateway) -> None:
    source = await made(gateway, model="plain")
    answer = await gateway.client.post(f"{URL}/{source['id']}/remix", json={"prompt": "a dog"})
    assert "seed 7" in answer.json()["forebay"]["notes"][0]
    clip = await said(gateway, await ended(gateway, answer.json()))
    assert (clip["task"], clip["prompt"], clip["seed"], clip["digests"]) == ("generate", "a dog", 7, [])


async def test_an_extension_begins_where_the_clip_ends(gateway: RunningGateway) -> None:
    source = await made(gateway, seconds=2)
    raw = (await gateway.client.get(f"{URL}/{source['id']}/content")).content
    answer = await gateway.client.post(f"{URL}/{source['id']}/extend", json={"prompt": "it goes on", "seconds": 1})
    body = answer.json()
    assert (body["forebay"]["extends"], body["forebay"]["frames"], body["seconds"]) == (source["id"], 25, "3.12")
    # The source may go while its extension waits.
    await gateway.client.delete(f"{URL}/{source['id']}")
    clip = await said(gateway, await ended(gateway, body))
    assert (clip["task"], clip["frames"]) == ("animate", 9)
    assert clip["digests"] == [hashlib.sha256(raw).hexdigest()]
    again = await gateway.client.post(
        f"{URL}/extensions", json={"prompt": "more", "seconds": "1", "video": {"id": body["id"]}}
    )
    assert again.json()["forebay"]["frames"] == 33


async def test_only_finished_clips_go_on(gateway: RunningGateway, tmp_path: Path) -> None:
    video = await created(gateway, prompt=f"hold {tmp_path}")
    for path in ("remix", "extend"):
        answer = await gateway.client.post(f"{URL}/{video['id']}/{path}", json={"prompt": "x"})
        assert (answer.status_code, error(answer)["code"]) == (400, "video_not_ready")
    answer = await gateway.client.post(f"{URL}/extensions", json={"prompt": "x"})
    assert (answer.status_code, error(answer)["param"]) == (400, "video")
    (tmp_path / "go").touch()
    plain = await made(gateway, model="plain")
    answer = await gateway.client.post(f"{URL}/{plain['id']}/extend", json={"prompt": "x"})
    assert (answer.status_code, error(answer)["code"]) == (400, "model_not_supported")
