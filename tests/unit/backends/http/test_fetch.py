"""Fetching a picture that a URL names: what is refused by looking at it, and what at the answer."""

from collections.abc import AsyncIterator, Sequence

import pytest

from backends.errors import BackendError, Cause
from backends.http.fetch import Fetcher, FetchRules
from tests.fakes.picture_site import PNG, Site, answer, picture_site

LOOPBACK = frozenset({"127.0.0.1"})


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with picture_site() as site:
        yield site


def fetcher(site: Site, *addresses: str, seconds: float = 20.0) -> Fetcher:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses or ("127.0.0.1",)

    rules = FetchRules(schemes=("http",), ports=(site.port,), most_bytes=1000, seconds=seconds)
    return Fetcher(rules, resolve, LOOPBACK.__contains__)


async def refusal(fetcher: Fetcher, url: str) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await fetcher.fetch(url, "images[0].image_url")
    assert caught.value.cause is Cause.INVALID_REQUEST
    assert caught.value.param == "images[0].image_url"
    assert caught.value.detail.startswith("images[0].image_url: ")
    return caught.value


async def test_a_picture_and_nothing_of_ours_goes_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert await fetcher(site).fetch(f"http://pictures.example:{site.port}/a.png?x=1#top", "image") == PNG
    (head,) = site.heads
    first, *lines = head.lower().strip().split("\r\n")
    assert first == "get /a.png?x=1 http/1.1"
    names = {line.partition(":")[0] for line in lines}
    assert names == {"host", "accept", "accept-encoding", "user-agent", "connection"}
    assert f"host: pictures.example:{site.port}" in lines
    assert "accept-encoding: identity" in lines


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://a.example/x.png", "only http URLs"),
        ("file:///etc/passwd", "only http URLs"),
        ("//a.example/x.png", "only http URLs"),
        ("pictures.example/x.png", "only http URLs"),
        ("http:///x.png", "this is no URL"),
        ("http://[::1/x.png", "this is no URL"),
        ("http://[fe80::1%25eth0]/x.png", "this is no URL"),
        ("http://a.example:99999/x.png", "this is no URL"),
        ("http://a.example:22/x.png", "usual port"),
        ("http://user@a.example/x.png", "user or password"),
        ("http://user:pw@a.example/x.png", "user or password"),
        ("http://@a.example/x.png", "user or password"),
        ("http://a.example\\@b.example/x.png", "backslashes"),
        ("http://a.example/\tx.png", "no spaces"),
        ("http://a.example/x.png\n", "no spaces"),
        ("http://ex\N{CYRILLIC SMALL LETTER A}mple.com/x.png", "beyond ASCII"),
        ("http://a.example/" + "x" * 2048, "at most 2048"),
    ],
)
async def test_a_url_that_is_refused_by_looking_at_it(site: Site, url: str, words: str) -> None:
    assert words in (await refusal(fetcher(site), url)).detail
    assert not site.connections


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (answer(PNG, "404 Not Found"), "could not be fetched"),
        (answer(PNG, "500 Oops"), "could not be fetched"),
        (answer(b"", "302 Found", location="http://127.0.0.1/"), "leads to another"),
        (answer(b"", "300 Multiple Choices"), "leads to another"),
        (answer(PNG, content_type="text/html"), "not called a PNG"),
        (answer(PNG, content_type="image/svg+xml"), "not called a PNG"),
        (answer(PNG, content_type=""), "not called a PNG"),
        (answer(PNG, content_encoding="gzip"), "could not be fetched"),
        (answer(b""), "could not be fetched"),
        (answer(b"x" * 1001), "at most 1000 bytes"),
        (answer(b"x" * 5000, content_length=""), "at most 1000 bytes"),
        (answer(b"x" * 10, content_length="500"), "could not be fetched"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 100_000, "could not be fetched"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "could not be fetched"),
        (b"", "could not be fetched"),
    ],
)
async def test_an_answer_that_is_not_taken(site: Site, sent: bytes, words: str) -> None:
    site.answers["/x.png"] = sent
    refused = await refusal(fetcher(site), f"http://a.example:{site.port}/x.png")
    assert words in refused.detail
    assert "OpenSSH" not in refused.detail


async def test_a_site_that_never_ends_is_left(site: Site) -> None:
    site.answers["/x.png"] = answer(b"", content_length="999")
    site.stays_open = True
    refused = await refusal(fetcher(site, seconds=0.5), f"http://a.example:{site.port}/x.png")
    assert "could not be fetched" in refused.detail
    assert "Timeout" in refused.private


@pytest.mark.parametrize("addresses", [("10.0.0.1",), ("127.0.0.1", "10.0.0.1"), ("::1",), ("garbage",)])
async def test_one_address_that_is_not_allowed_refuses_the_name(site: Site, addresses: tuple[str, ...]) -> None:
    refused = await refusal(fetcher(site, *addresses), f"http://a.example:{site.port}/x.png")
    assert refused.detail == "images[0].image_url: the picture at this URL could not be fetched"
    assert not site.connections


async def test_a_name_that_nobody_knows_and_a_forbidden_one_are_told_alike(site: Site) -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    rules = FetchRules(schemes=("http",))
    one = await refusal(Fetcher(rules, unknown), "http://a.example/x.png")
    other = await refusal(Fetcher(rules), "http://127.0.0.1/x.png")
    assert one.detail == other.detail


async def test_the_name_is_looked_up_once_and_the_connection_goes_there(site: Site) -> None:
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ("127.0.0.1",) if len(asked) == 1 else ("10.0.0.1",)

    rules = FetchRules(schemes=("http",), ports=(site.port,))
    fetcher = Fetcher(rules, rebinding, LOOPBACK.__contains__)
    assert await fetcher.fetch(f"http://a.example:{site.port}/x.png", "image") == PNG
    assert asked == ["a.example"]
