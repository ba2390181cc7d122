"""Pictures that a chat names by a URL: bytes in their place, the rest as it came, or a refusal by name."""

import io
import json

import pytest
from PIL import Image

from backends.errors import BackendError, Cause
from backends.http.fetch import Fetcher, FetchRules
from backends.wire.decode import decode
from backends.wire.openai_chat import ChatRequest
from gateway.http.media import remote_media
from gateway.http.remote_media import MOST_PICTURES, RemotePictures
from tests.fakes.picture_site import Site, answer, picture_site

HERE = frozenset({"127.0.0.1"})


def picture(kind: str = "png") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, kind)
    return file.getvalue()


def body(*urls: str, kind: str = "image_url") -> bytes:
    parts = [{"type": kind, kind: {"url": url, "detail": "low"}, "unknown": {"a": [1]}} for url in urls]
    turn = {"role": "user", "content": [{"type": "text", "text": "Look:"}, *parts], "name": "ada"}
    return json.dumps({"model": "m", "seed": 1, "messages": [{"role": "system", "content": "x"}, turn]}).encode()


def fetching(site: Site) -> RemotePictures:
    rules = FetchRules(schemes=("http", "https"), ports=(site.port,), seconds=5)
    return RemotePictures(Fetcher(rules, allowed=HERE.__contains__))


async def inlined(pictures: RemotePictures, given: bytes) -> dict:
    return json.loads(await pictures.inlined(given, tuple(remote_media(decode(given, ChatRequest)))))


async def test_bytes_take_the_place_of_an_address_and_the_rest_stays() -> None:
    async with picture_site() as site:
        site.answers["/a"] = answer(picture(), content_type="image/png")
        site.answers["/b"] = answer(picture("jpeg"), content_type="image/jpeg")
        here = f"http://127.0.0.1:{site.port}"
        given = body(f"{here}/a", "data:image/png;base64,AA==", f"{here}/b")
        made = await inlined(fetching(site), given)
    expected = json.loads(given)
    parts = made["messages"][1]["content"]
    for place, kind in ((1, "png"), (3, "jpeg")):
        url = parts[place]["image_url"]["url"]
        assert url.startswith(f"data:image/{kind};base64,")
        expected["messages"][1]["content"][place]["image_url"]["url"] = url
    assert made == expected


async def refused(pictures: RemotePictures, given: bytes) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await inlined(pictures, given)
    assert caught.value.cause is Cause.INVALID_REQUEST
    return caught.value


async def test_nothing_is_fetched_unless_the_operator_allows_it() -> None:
    async with picture_site() as site:
        error = await refused(RemotePictures(None), body(f"http://127.0.0.1:{site.port}/a"))
        assert error.param == "messages[1].content[1].image_url.url"
        for given in (body("file:///etc/passwd"), body(f"http://127.0.0.1:{site.port}/a", kind="video_url")):
            await refused(fetching(site), given)
        assert site.connections == 0


async def test_what_is_no_picture_is_refused_by_name() -> None:
    async with picture_site() as site:
        site.answers["/a"] = answer(b"<svg/>", content_type="image/png")
        error = await refused(fetching(site), body(f"http://127.0.0.1:{site.port}/a"))
    assert error.param == "messages[1].content[1].image_url.url"
    assert "picture" in error.detail


async def test_so_many_and_no_more() -> None:
    async with picture_site() as site:
        site.answers["/a"] = answer(picture(), content_type="image/png")
        here = f"http://127.0.0.1:{site.port}/a"
        await inlined(fetching(site), body(*[here] * MOST_PICTURES))
        await refused(fetching(site), body(*[here] * (MOST_PICTURES + 1)))
