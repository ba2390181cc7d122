"""Images and videos come as bytes; addresses are refused by the part that has one."""

import pytest

from backends.errors import BackendError, Cause
from backends.wire.decode import decode
from backends.wire.openai_chat import ChatRequest
from gateway.http.media import refuse_remote_media

URLS = ["https://h/x.png", "http://169.254.169.254/", "file:///etc/passwd", "//h/x", "", " data:,", "gopher://h", "x"]


def part(kind: str, url: str) -> str:
    return f'{{"type":"{kind}","{kind}":{{"url":"{url}"}}}}'


def chat(*parts: str) -> ChatRequest:
    body = '{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"user","content":[%s]}]}'
    return decode((body % ",".join(parts)).encode(), ChatRequest)


@pytest.mark.parametrize("kind", ["image_url", "video_url"])
@pytest.mark.parametrize("url", URLS)
def test_an_address_is_refused(kind, url):
    request = chat('{"type":"text","text":"http://fine.in/text"}', part(kind, url))
    with pytest.raises(BackendError) as refused:
        refuse_remote_media(request)
    assert refused.value.cause is Cause.INVALID_REQUEST
    assert refused.value.param == f"messages[1].content[1].{kind}.url"


@pytest.mark.parametrize("kind", ["image_url", "video_url"])
def test_bytes_are_taken(kind):
    refuse_remote_media(chat(part(kind, "data:image/png;base64,AA==")))


def test_text_is_none_of_its_business():
    refuse_remote_media(chat('{"type":"text","text":"https://h/x.png"}'))
