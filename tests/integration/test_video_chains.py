"""From one clip to the next, and the same request twice, through the whole gateway."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.picture_profile import picture_file, video_profile
from tests.fakes.video_client import URL, VideoClient, error, wanted


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    profiles = {"film": video_profile("film"), "plain": video_profile("plain", tasks="[video]")}
    async with running_gateway(profiles) as running:
        yield running


@pytest.fixture
def videos(gateway: RunningGateway) -> VideoClient:
    return VideoClient(gateway.client)


# --- the same request again -------------------------------------------------------------------------------------------


async def test_an_idempotency_key_makes_one_job(videos: VideoClient) -> None:
    headers = {"idempotency-key": "k1"}
    first, again = [(await videos.http.post(URL, json=wanted(), headers=headers)).json() for _ in range(2)]
    assert first["id"] == again["id"]
    other = await videos.http.post(URL, json=wanted(prompt="a dog"), headers=headers)
    assert (other.status_code, error(other)["code"]) == (400, "idempotency_key_reused")
    raw = picture_file(16, 16)
    forms = [
        await videos.http.post(
            URL, headers={"idempotency-key": "k2"}, data={"model": "film", "prompt": "x"},
            files={"input_reference": ("a.png", file, "image/png")},
        )
        for file in (raw, raw, picture_file(24, 16))
    ]  # fmt: skip
    assert forms[0].json()["id"] == forms[1].json()["id"]
    assert forms[2].status_code == 400


@pytest.mark.parametrize("settings", [{"jobs_queued": 1}, {"results_bytes": 2**20, "result_bytes": 2**20}])
async def test_the_same_request_is_answered_when_there_is_no_room_for_another(
    settings: dict[str, int], tmp_path: Path
) -> None:
    async with running_gateway({"film": video_profile("film")}, job_slots=1, **settings) as gateway:
        videos = VideoClient(gateway.client)
        if "jobs_queued" in settings:
            await videos.created(prompt=f"hold {tmp_path}")
            await gateway.until((tmp_path / "held").exists)
        headers = {"idempotency-key": "k"}
        first = await videos.http.post(URL, json=wanted(), headers=headers)
        assert first.status_code == 200, first.text
        if "jobs_queued" not in settings:
            assert (await videos.ended(first.json()))["status"] == "completed"
        assert (await videos.http.post(URL, json=wanted())).status_code in (429, 507)
        again = await videos.http.post(URL, json=wanted(), headers=headers)
        assert again.json()["id"] == first.json()["id"]
        other = await videos.http.post(URL, json=wanted(prompt="a dog"), headers=headers)
        assert (other.status_code, error(other)["code"]) == (400, "idempotency_key_reused")
        (tmp_path / "go").touch()


# --- from one clip to the next ----------------------------------------------------------------------------------------


async def test_a_remix_changes_the_clip_where_the_model_can(videos: VideoClient) -> None:
    source = await videos.made()
    raw = (await videos.content(source)).content
    answer = await videos.http.post(f"{URL}/{source['id']}/remix", json={"prompt": "a dog", "strength": 0.4})
    assert answer.json()["remixed_from_video_id"] == source["id"]
    clip = await videos.said(await videos.ended(answer.json()))
    assert (clip["task"], clip["prompt"], clip["strength"]) == ("restyle", "a dog", 0.4)
    assert clip["digests"] == [hashlib.sha256(raw).hexdigest()]
    as_form = await videos.http.post(f"{URL}/{source['id']}/remix", files={"prompt": (None, "a fox")})
    assert as_form.json()["prompt"] == "a fox"
    in_parts = {"prompt": (None, "a fox"), "video[id]": (None, source["id"])}
    by_part = await videos.http.post(f"{URL}/edits", files=in_parts)
    assert by_part.json()["remixed_from_video_id"] == source["id"], "as OpenAI's SDK for Node names it"
    by_name = await videos.http.post(f"{URL}/edits", json={"prompt": "a dog", "video": {"id": source["id"]}})
    assert (await videos.ended(by_name.json()))["status"] == "completed"


async def test_a_remix_begins_from_the_same_seed_where_it_cannot(videos: VideoClient) -> None:
    source = await videos.made(model="plain")
    answer = await videos.http.post(f"{URL}/{source['id']}/remix", json={"prompt": "a dog"})
    assert "seed 7" in answer.json()["forebay"]["notes"][0]
    clip = await videos.said(await videos.ended(answer.json()))
    assert (clip["task"], clip["prompt"], clip["seed"], clip["digests"]) == ("generate", "a dog", 7, [])


async def test_an_extension_begins_where_the_clip_ends(videos: VideoClient) -> None:
    source = await videos.made(seconds=2)
    raw = (await videos.content(source)).content
    answer = await videos.http.post(f"{URL}/{source['id']}/extend", json={"prompt": "it goes on", "seconds": 1})
    body = answer.json()
    assert (body["forebay"]["extends"], body["forebay"]["frames"], body["seconds"]) == (source["id"], 25, "3.12")
    # The source may go while its extension waits.
    await videos.http.delete(f"{URL}/{source['id']}")
    clip = await videos.said(await videos.ended(body))
    assert (clip["task"], clip["frames"]) == ("animate", 9)
    assert clip["digests"] == [hashlib.sha256(raw).hexdigest()]
    again = await videos.http.post(
        f"{URL}/extensions", json={"prompt": "more", "seconds": "1", "video": {"id": body["id"]}}
    )
    assert again.json()["forebay"]["frames"] == 33


async def test_only_finished_clips_go_on(videos: VideoClient, tmp_path: Path) -> None:
    video = await videos.created(prompt=f"hold {tmp_path}")
    for path in ("remix", "extend"):
        answer = await videos.http.post(f"{URL}/{video['id']}/{path}", json={"prompt": "x"})
        assert (answer.status_code, error(answer)["code"]) == (400, "video_not_ready")
    answer = await videos.http.post(f"{URL}/extensions", json={"prompt": "x"})
    assert (answer.status_code, error(answer)["param"]) == (400, "video")
    (tmp_path / "go").touch()


async def test_a_model_that_begins_with_no_picture_is_followed_by_the_best_that_does(videos: VideoClient) -> None:
    plain = await videos.made(model="plain")
    answer = await videos.http.post(f"{URL}/{plain['id']}/extend", json={"prompt": "x", "seconds": 1})
    longer = await videos.ended(answer.json())
    assert (longer["model"], longer["status"]) == ("film", "completed")
    assert longer["forebay"]["notes"][0] == "goes on with film: plain does not begin with a picture"
    named = await videos.http.post(f"{URL}/{plain['id']}/extend", json={"prompt": "x", "model": "plain"})
    assert (named.status_code, error(named)["code"]) == (400, "model_not_supported")
    async with running_gateway({"plain": video_profile("plain", tasks="[video]")}) as alone:
        others = VideoClient(alone.client)
        lonely = await others.made(model="plain")
        answer = await others.http.post(f"{URL}/{lonely['id']}/extend", json={"prompt": "x"})
        assert (answer.status_code, error(answer)["code"]) == (400, "model_not_supported")


async def test_another_model_may_go_on(videos: VideoClient) -> None:
    source = await videos.made(model="plain", steps=3, negative_prompt="dogs")
    answer = await videos.http.post(
        f"{URL}/{source['id']}/extend", json={"prompt": "it goes on", "seconds": 1, "model": "film"}
    )
    longer = await videos.ended(answer.json())
    assert (longer["model"], longer["size"], longer["error"]) == ("film", source["size"], None)
    clip = await videos.said(longer)
    assert (clip["task"], clip["steps"]) == ("animate", 4)
    changed = await videos.http.post(f"{URL}/{source['id']}/remix", json={"prompt": "a dog", "model": "film"})
    done = await videos.ended(changed.json())
    assert (done["status"], done["model"]) == ("completed", "film")
    assert (await videos.said(done))["task"] == "restyle"
