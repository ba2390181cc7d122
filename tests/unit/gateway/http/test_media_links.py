"""Signed links: what opens them, what does not, until when; and how much is kept."""

import asyncio
import stat
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from backends.errors import BackendError, Cause
from gateway.http.media_links import PREFIX, MediaLimits, MediaLinks, link, media_key, sign, verify

KEY = bytes(range(32))
NOW = 1_800_000_000.5
LIMITS = MediaLimits(seconds=100, most_bytes=1000)
NAME = "abcdefghijklmnopqrstuv_-.png"


@pytest.fixture
def links(tmp_path):
    return MediaLinks(tmp_path / "media", KEY, LIMITS)


def parts(made: str) -> tuple[str, str, str]:
    url = urlsplit(made)
    query = parse_qs(url.query, strict_parsing=True)
    assert url.path.startswith(PREFIX)
    return url.path.removeprefix(PREFIX), query["expires"][0], query["signature"][0]


async def cause(coming) -> Cause:
    with pytest.raises(BackendError) as raised:
        await coming
    return raised.value.cause


def test_a_signed_link_holds_until_its_second():
    name, expires, signature = parts(link(KEY, NAME.replace("_-", "abcd"), 500))
    assert verify(KEY, NAME, "500", sign(KEY, NAME, 500), 499.9) == 500
    for now in (500, 500.1, 1e12):
        with pytest.raises(BackendError):
            verify(KEY, NAME, "500", sign(KEY, NAME, 500), now)
    assert (expires, signature) == ("500", sign(KEY, name, 500))


@pytest.mark.parametrize(
    ("name", "expires", "signature"),
    [
        (NAME, "501", sign(KEY, NAME, 500)),
        (NAME, "500", sign(KEY, NAME, 501)),
        (NAME, "500", sign(bytes(32), NAME, 500)),
        (NAME, "500", sign(KEY, NAME, 500)[:-1]),
        (NAME, "500", sign(KEY, NAME, 500).upper()),
        (NAME, "500", ""),
        (NAME, "500", "é\ud800"),
        (NAME, "", sign(KEY, NAME, 500)),
        (NAME, " 500", sign(KEY, NAME, 500)),
        (NAME, "+500", sign(KEY, NAME, 500)),
        (NAME, "0500", sign(KEY, NAME, 50)),
        (NAME, "٥٠٠", sign(KEY, NAME, 500)),
        (NAME, "9" * 5000, sign(KEY, NAME, 500)),
        (NAME[:-3] + "svg", "500", sign(KEY, NAME[:-3] + "svg", 500)),
        ("../../etc/passwd", "500", sign(KEY, "../../etc/passwd", 500)),
        ("a" * 22 + "/..png", "500", sign(KEY, "a" * 22 + "/..png", 500)),
        (NAME + "\n", "500", sign(KEY, NAME + "\n", 500)),
    ],
)
def test_what_was_changed_opens_nothing(name, expires, signature):
    with pytest.raises(BackendError) as raised:
        verify(KEY, name, expires, signature, 0)
    assert raised.value.cause is Cause.NOT_FOUND


async def test_a_kept_picture_is_served_as_what_it_is(links, tmp_path):
    for form, kind in (("png", b"image/png"), ("jpeg", b"image/jpeg"), ("webp", b"image/webp")):
        opened = await links.open(*parts(await links.keep(form.encode(), form, NOW)), NOW + 39.9)
        headers = dict(opened.headers)
        assert opened.body == form.encode()
        assert headers[b"content-type"] == kind
        assert headers[b"content-length"] == b"%d" % len(form)
        assert headers[b"content-disposition"] == b"inline"
        assert headers[b"x-content-type-options"] == b"nosniff"
        assert headers[b"cache-control"] == b"private, max-age=59, immutable"
    folder = tmp_path / "media"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


async def test_links_of_equal_pictures_differ(links):
    made = {await links.keep(b"x", "png", NOW) for _ in range(10)}
    assert len({parts(each)[0] for each in made}) == 10


async def test_what_has_expired_is_refused_and_removed(links, tmp_path):
    old = parts(await links.keep(b"old", "png", NOW))
    new = parts(await links.keep(b"new", "png", NOW + 50))
    assert await cause(links.open(*old, NOW + 100)) is Cause.NOT_FOUND
    await links.sweep(NOW + 100)
    assert [file.name for file in (tmp_path / "media").iterdir()] == [new[0]]
    assert (await links.open(*new, NOW + 100)).body == b"new"
    await links.keep(b"newer", "png", NOW + 200)
    assert not (tmp_path / "media" / new[0]).exists(), "keeping sweeps, too"


async def test_past_the_quota_the_oldest_goes_first(links):
    first, second, third = [parts(await links.keep(bytes(400), "png", NOW + i)) for i in range(3)]
    assert await cause(links.open(*first, NOW + 3)) is Cause.NOT_FOUND
    assert len((await links.open(*second, NOW + 3)).body) == 400
    exact = parts(await links.keep(bytes(200), "png", NOW + 4))
    assert len((await links.open(*third, NOW + 5)).body) == 400
    assert len((await links.open(*exact, NOW + 5)).body) == 200
    assert await cause(links.keep(bytes(1001), "png", NOW + 5)) is Cause.STORAGE
    assert len((await links.open(*second, NOW + 5)).body) == 400, "what can never fit pushes nothing out"


async def test_many_at_once_stay_within_the_quota(links, tmp_path):
    await asyncio.gather(*[links.keep(bytes(300), "png", NOW + i) for i in range(20)])
    assert sum(file.stat().st_size for file in (tmp_path / "media").iterdir()) == 900


async def test_what_a_killed_gateway_was_writing_is_swept(links, tmp_path):
    await links.sweep(NOW)
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / ".half").write_bytes(b"x")
    await links.sweep(NOW + 10_000_000_000)
    assert not list((tmp_path / "media").iterdir())


async def test_a_disk_that_fails_is_storage(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    broken = MediaLinks(tmp_path / "file" / "media", KEY, LIMITS)
    assert await cause(broken.keep(b"x", "png", NOW)) is Cause.STORAGE
    assert await cause(broken.open(NAME, str(int(NOW) + 9), sign(KEY, NAME, int(NOW) + 9), NOW)) is Cause.STORAGE
    (tmp_path / "media").mkdir()
    whole = MediaLinks(tmp_path / "media", KEY, LIMITS)
    name, expires, signature = parts(await whole.keep(b"x", "png", NOW))
    (tmp_path / "media" / name).unlink()
    assert await cause(whole.open(name, expires, signature, NOW)) is Cause.NOT_FOUND


async def test_a_write_that_fails_leaves_nothing(links, tmp_path, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert await cause(links.keep(b"x", "png", NOW)) is Cause.STORAGE
    assert not list((tmp_path / "media").iterdir())


def test_the_key_is_made_once_and_private(tmp_path):
    path = tmp_path / "media.key"
    key = media_key(path)
    assert len(key) == 32
    assert media_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert media_key(tmp_path / "other.key") != key


def test_a_key_that_is_none(tmp_path):
    (tmp_path / "short").write_bytes(b"x")
    for path in (tmp_path / "short", tmp_path / "absent" / "key"):
        with pytest.raises(BackendError) as raised:
            media_key(path)
        assert raised.value.cause is Cause.STORAGE
