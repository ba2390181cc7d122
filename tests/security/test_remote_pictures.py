"""Hostile URLs in place of a picture: a listener on loopback that must never be reached, whatever the spelling.

Names are resolved by a resolver that answers as a hostile zone would; numbers by the system's own, which reads them as
``getaddrinfo`` does.
"""

import base64
import socket
from collections.abc import AsyncIterator, Sequence
from itertools import count

import pytest

from backends.errors import BackendError, Cause
from backends.http.fetch import Fetcher, FetchRules
from gateway.http.uploads import Uploads
from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.picture_profile import encoded_picture, picture_profile
from tests.fakes.picture_site import Site, answer, picture_site

HOSTS = (
    "127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "0177.0.0.1", "0x7f.0.0.1", "0x7f.1", "0x7f000001",
    "2130706433", "017700000001", "0", "0.0.0.0", "0x0", "localhost", "LOCALHOST", "localhost.", "127.0.0.1.",
    "127.255.255.254", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::1]", "[fc00::1]", "[fd00::1]", "[fec0::1]",
    "[ff02::1]", "169.254.169.254", "[fd00:ec2::254]", "0xa9fea9fe", "2852039166", "10.0.0.1", "172.16.0.1",
    "192.168.0.1", "100.64.0.1", "198.18.0.1", "192.0.2.1", "203.0.113.5", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "192.88.99.1", "metadata.google.internal", "internal.example", "127-0-0-1.nip.example",
    "mixed.example", "six.example", "mapped.example", "empty.example", "zone.example", "unknown.example",
    "%31%32%37.0.0.1", "127%2e0%2e0%2e1", "[::1%25lo]", "loc%61lhost",
)  # fmt: skip
ZONE: dict[str, tuple[str, ...]] = {
    "metadata.google.internal": ("169.254.169.254",),
    "internal.example": ("10.1.2.3",),
    "127-0-0-1.nip.example": ("127.0.0.1",),
    "mixed.example": ("93.184.216.34", "127.0.0.1"),
    "six.example": ("::1",),
    "mapped.example": ("::ffff:127.0.0.1",),
    "empty.example": (),
    "zone.example": ("fe80::1%lo",),
}
SHAPES = (
    "{scheme}://{host}:{port}/a.png", "{scheme}://{host}/a.png", "{scheme}://{host}:{port}", "{scheme}:{host}:{port}/",
    "{scheme}://93.184.216.34@{host}:{port}/", "{scheme}://{host}:{port}#@93.184.216.34/",
    "{scheme}://{host}:{port}\\@93.184.216.34/", "{scheme}://93.184.216.34\\@{host}:{port}/",
    " {scheme}://{host}:{port}/", "{scheme}:///{host}:{port}/", "{scheme}:\\\\{host}:{port}\\a.png",
    "{scheme}://\t{host}:{port}/", "{scheme}://{host}\n:{port}/", "{scheme}://{host}:{port}\r\nx: y/",
)  # fmt: skip
SCHEMES = ("http", "https", "HTTP", "gopher", "file", "ftp", "dict", "data", "ws", "unix", "jar", "")


async def hostile(host: str, port: int) -> Sequence[str]:
    if host in ZONE:
        return ZONE[host]
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        if host.lower().rstrip(".") == "localhost":
            return ("127.0.0.1", "::1")
        raise
    return [str(entry[4][0]) for entry in found]


@pytest.fixture
async def canary() -> AsyncIterator[Site]:
    async with picture_site() as site:
        yield site


def corpus(port: int) -> list[str]:
    shaped = [shape.format(scheme=s, host=h, port=port) for shape in SHAPES for s in SCHEMES for h in HOSTS]
    return [*dict.fromkeys(shaped), f"//127.0.0.1:{port}/", f"127.0.0.1:{port}", "http://", "https://", "://", "http"]


async def test_nothing_on_this_machine_is_ever_reached(canary: Site) -> None:
    """Also where http and that very port are allowed."""
    fetcher = Fetcher(FetchRules(schemes=("http", "https"), ports=(canary.port,), seconds=5.0), hostile)
    urls = corpus(canary.port)
    assert len(urls) > 5_000
    said: set[str] = set()
    for url in urls:
        with pytest.raises(BackendError) as refusal:
            await fetcher.fetch(url, "image")
        assert refusal.value.cause is Cause.INVALID_REQUEST
        said.add(refusal.value.detail)
    assert canary.connections == 0
    assert not any(address in detail for detail in said for address in ("127.0", "10.1", "169.254", "::1"))


async def test_a_redirect_to_this_machine_is_not_followed(canary: Site) -> None:
    rules = FetchRules(schemes=("http",), ports=(canary.port,))
    async with picture_site() as outside:
        outside.answers["/a.png"] = answer(b"", "302 Found", location=f"http://127.0.0.1:{canary.port}/")
        rules = FetchRules(schemes=("http",), ports=(outside.port,))
        fetcher = Fetcher(rules, allowed=frozenset({"127.0.0.1"}).__contains__)
        with pytest.raises(BackendError, match="leads to another"):
            await fetcher.fetch(f"http://127.0.0.1:{outside.port}/a.png", "image")
    assert canary.connections == 0


async def test_a_name_that_changes_its_mind_is_held_to_its_first_answer(canary: Site) -> None:
    """The system's resolver is never asked again by the client: the second answer, loopback, is never used."""
    answers = count()

    async def rebinding(host: str, port: int) -> Sequence[str]:
        return ("192.0.2.1",) if next(answers) == 0 else ("127.0.0.1",)

    documentation = frozenset({"192.0.2.1"}).__contains__  # leads nowhere
    rules = FetchRules(schemes=("http",), ports=(canary.port,), seconds=0.3)
    with pytest.raises(BackendError, match="could not be fetched"):
        await Fetcher(rules, rebinding, documentation).fetch(f"http://a.example:{canary.port}/a.png", "image")
    assert next(answers) == 1
    assert canary.connections == 0


@pytest.mark.parametrize("setting", ["off", "https", "http"])
async def test_through_the_gateway(setting: str, canary: Site) -> None:
    async with running_gateway({"paint": picture_profile("paint")}, remote_pictures=setting) as gateway:
        for url in (f"http://127.0.0.1:{canary.port}/a.png", "https://localhost/a.png", "http://[::1]/a.png"):
            for path in ("edits", "variations"):
                body = {"model": "paint", "prompt": "a cat", "images": [{"image_url": url}]}
                answered = await gateway.client.post(f"/v1/images/{path}", json=body)
                error = answered.json()["error"]
                assert (answered.status_code, error["param"]) == (400, "images[0].image_url"), answered.text
                assert setting != "off" or "data: URL" in error["message"]
    assert canary.connections == 0


async def test_a_picture_that_may_be_fetched_is_used_and_looked_at_like_any_other(
    canary: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary.answers["/a.png"] = answer(base64.b64decode(encoded_picture(64, 32)))
    canary.answers["/bad.png"] = answer(b"\x89PNG\r\n\x1a\nnothing")
    rules = FetchRules(schemes=("http",), ports=(canary.port,))
    fetcher = Fetcher(rules, allowed=frozenset({"127.0.0.1"}).__contains__)

    async with running_gateway({"paint": picture_profile("paint")}) as gateway:
        _let(gateway, fetcher)
        url = f"http://127.0.0.1:{canary.port}"
        body = {"model": "paint", "prompt": "a cat", "images": [{"image_url": f"{url}/a.png"}]}
        answered = await gateway.client.post("/v1/images/edits", json=body)
        assert (answered.status_code, answered.json()["size"]) == (200, "64x32"), answered.text
        body["images"] = [{"image_url": f"{url}/bad.png"}]
        answered = await gateway.client.post("/v1/images/edits", json=body)
        assert (answered.status_code, answered.json()["error"]["param"]) == (400, "images[0]"), answered.text


def _let(gateway: RunningGateway, fetcher: Fetcher) -> None:
    """What no setting can say: that loopback may be reached."""
    before = gateway.services.uploads
    gateway.services.uploads = Uploads(before._root, before._forms, before._pictures, fetcher)
