"""Links that vendors name: https and public addresses only, looked at at every step; keys where they may go."""

from collections.abc import AsyncIterator, Sequence

import pytest
from yarl import URL

from backends.cloud.client import CloudClient
from backends.cloud.media.downloads import Downloads, LinkError
from backends.cloud.origin import is_trusted
from backends.cloud.provider import Auth, Provider
from tests.fakes.cloud import RESET, FakeCloud, Script, answer
from tests.fakes.far_away import certified

CDN, OTHER = "cdn.example", "files.vendor.example"
SERVER, TRUST = certified(CDN, OTHER)
PROVIDER = Provider(
    id="v", name="V", kind="http", base_url="https://api.vendor.example/v1", auth=Auth(secret="V_KEY"),
    trust_hosts=("files.vendor.example",),
)  # fmt: skip


class Memory:
    """Implements ``Sink``."""

    def __init__(self, most: int = 1000) -> None:
        self.data = b""
        self._most = most

    async def write(self, chunk: bytes) -> None:
        self.data += chunk
        if len(self.data) > self._most:
            raise LinkError("too large", final=True)


@pytest.fixture
async def cdn() -> AsyncIterator[FakeCloud]:
    async with FakeCloud.running(answer(b"bytes"), tls=SERVER) as cloud:
        yield cloud


def downloads(cdn: FakeCloud, *addresses: str, allowed: Sequence[str] = ("127.0.0.1",)) -> Downloads:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses or ("127.0.0.1",)

    return Downloads(resolve, lambda each: each in allowed, tls=TRUST, ports=(cdn.port,), seconds=5)


async def no_keys(_: URL) -> dict[str, str]:
    return {}


async def broken(files: Downloads, url: str) -> LinkError:
    with pytest.raises(LinkError) as caught:
        await files.fetch(PROVIDER, url, no_keys, Memory())
    return caught.value


async def test_a_link_is_fetched_without_the_key(cdn: FakeCloud) -> None:
    sink = Memory()
    await downloads(cdn).fetch(PROVIDER, f"https://{CDN}:{cdn.port}/a%2Fb%7E?sig=x%2By%7e", no_keys, sink)
    assert sink.data == b"bytes"
    (sent,) = cdn.sent
    assert sent.path == "/a%2Fb%7E?sig=x%2By%7e", "a signature is of these very characters"
    assert not {"authorization", "cookie"} & sent.headers.keys()


@pytest.mark.parametrize("where", [CDN, OTHER])
async def test_a_key_goes_to_trusted_hosts_only(cdn: FakeCloud, where: str) -> None:
    async def keys(url: URL) -> dict[str, str]:
        return {"authorization": "Bearer s3cret"} if url.host in PROVIDER.trust_hosts else {}

    await downloads(cdn).fetch(PROVIDER, f"https://{where}:{cdn.port}/x", keys, Memory())
    assert ("authorization" in cdn.sent[0].headers) is (where == OTHER)


async def test_a_redirect_is_looked_at_like_the_link_and_loses_the_key(cdn: FakeCloud) -> None:
    cdn.scripts = [answer(b"", 302, location=f"https://{CDN}:{cdn.port}/there"), answer(b"bytes")]

    async def keys(url: URL) -> dict[str, str]:
        return {"authorization": "Bearer s3cret"} if url.host == OTHER else {}

    sink = Memory()
    await downloads(cdn).fetch(PROVIDER, f"https://{OTHER}:{cdn.port}/x", keys, sink)
    assert sink.data == b"bytes"
    assert [("authorization" in each.headers, each.path) for each in cdn.sent] == [(True, "/x"), (False, "/there")]


@pytest.mark.parametrize(
    "location", ["http://cdn.example/x", "https://127.0.0.1:1/x", "file:///etc/passwd", "https://u:p@cdn.example/x"]
)
async def test_a_redirect_to_anywhere_else_is_not_followed(cdn: FakeCloud, location: str) -> None:
    cdn.scripts = [answer(b"", 302, location=location)]
    assert (await broken(downloads(cdn), f"https://{CDN}:{cdn.port}/x")).final
    assert len(cdn.sent) == 1


async def test_redirects_in_a_circle_end(cdn: FakeCloud) -> None:
    cdn.scripts = [answer(b"", 302, location=f"https://{CDN}:{cdn.port}/x")]
    assert (await broken(downloads(cdn), f"https://{CDN}:{cdn.port}/x")).final
    assert len(cdn.sent) == 4


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.example/x",
        "https://cdn.example:8443/x",
        "https://me:pw@cdn.example/x",
        "ftp://cdn.example/x",
        "x",
        "",
    ],
)
async def test_links_that_nothing_is_fetched_from(cdn: FakeCloud, url: str) -> None:
    assert (await broken(downloads(cdn), url)).final
    assert cdn.connections == 0


@pytest.mark.parametrize("addresses", [("10.0.0.1",), ("127.0.0.1", "169.254.169.254")])
async def test_a_name_with_one_address_that_is_not_public_is_a_trap(cdn: FakeCloud, addresses: tuple[str, ...]) -> None:
    assert (await broken(downloads(cdn, *addresses), f"https://{CDN}:{cdn.port}/x")).final
    assert cdn.connections == 0


async def test_loopback_is_not_public(cdn: FakeCloud) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    assert (await broken(Downloads(resolve, tls=TRUST, ports=(cdn.port,)), f"https://{CDN}:{cdn.port}/x")).final
    assert cdn.connections == 0


@pytest.mark.parametrize(
    ("script", "gone", "final"),
    [
        (answer(b"", 403), True, False),
        (answer(b"", 404), True, False),
        (answer(b"", 500), False, False),
        (answer(b"", 304), False, True),
        (answer(b"x", content_encoding="gzip"), False, True),
        (answer(b"x" * 2000), False, True),
        ((b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf", RESET), False, False),
    ],
)
async def test_what_an_answer_means(cdn: FakeCloud, script: Script, *, gone: bool, final: bool) -> None:
    cdn.scripts = [script]
    error = await broken(downloads(cdn), f"https://{CDN}:{cdn.port}/x")
    assert (error.gone, error.final) == (gone, final)


async def test_a_certificate_of_somebody_else(cdn: FakeCloud) -> None:
    error = await broken(downloads(cdn), f"https://elsewhere.example:{cdn.port}/x")
    assert "Certificate" in str(error)


@pytest.mark.parametrize(
    ("url", "trusted"),
    [
        ("https://api.vendor.example/v2/x", True),
        ("https://files.vendor.example/x", True),
        ("https://eu.files.vendor.example/x", True),
        ("https://evilfiles.vendor.example/x", False),
        ("https://files.vendor.example.evil.example/x", False),
        ("https://vendor.example/x", False),
        ("http://api.vendor.example/v1", False),
        ("http://files.vendor.example/x", False),
        ("https://files.vendor.example:8443/x", False),
        ("https://api.vendor.example:8443/x", False),
        ("https://u:p@api.vendor.example/x", False),
        ("/relative", False),
    ],
)
async def test_where_a_key_may_go(url: str, *, trusted: bool) -> None:
    assert is_trusted(PROVIDER, URL(url)) is trusted
    client = CloudClient({"V_KEY": "s3cret"}.get)
    assert (await client.keys(PROVIDER, URL(url)) != {}) is trusted
    await client.aclose()
