"""Images and videos come as bytes; what has an address is found, part by part."""

import pytest

from backends.wire.decode import decode
from backends.wire.openai_chat import ChatRequest
from gateway.http.media import remote_media

URLS = ["https://h/x.png", "http://169.254.169.254/", "file:///etc/passwd", "//h/x", "", " data:,", "gopher://h", "x"]


def part(kind: str, url: str) -> str:
    return f'{{"type":"{kind}","{kind}":{{"url":"{url}"}}}}'


def chat(*parts: str) -> ChatRequest:
    body = '{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"user","content":[%s]}]}'
    return decode((body % ",".join(parts)).encode(), ChatRequest)


@pytest.mark.parametrize("kind", ["image_url", "video_url"])
@pytest.mark.parametrize("url", URLS)
def test_an_address_is_found(kind, url):
    (found,) = remote_media(chat('{"type":"text","text":"http://fine.in/text"}', part(kind, url)))
    assert (found.param, found.url) == (f"messages[1].content[1].{kind}.url", url)
    assert found.refused().param == found.param


@pytest.mark.parametrize("kind", ["image_url", "video_url"])
def test_bytes_are_none(kind):
    assert not list(remote_media(chat(part(kind, "data:image/png;base64,AA=="))))


def test_text_is_none_of_its_business():
    assert not list(remote_media(chat('{"type":"text","text":"https://h/x.png"}')))
