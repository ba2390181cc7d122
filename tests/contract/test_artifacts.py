"""What every shelf promises: run on a folder and on a bucket of moto's server."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.errors import BackendError, Cause
from gateway.artifacts.shelf import BucketShelf, FolderShelf, Shelf
from gateway.artifacts.store import PIECE, ArtifactStore, Made
from tests.bucket_fixtures import bucket, bucket_server  # noqa: F401

JOB = "video_0123"


@pytest.fixture(params=["folder", "bucket"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    if request.param == "folder":
        return FolderShelf(tmp_path / "kept")
    return BucketShelf(request.getfixturevalue("bucket"))


@pytest.fixture
def store(shelf: Shelf, tmp_path: Path) -> ArtifactStore:
    made = ArtifactStore(shelf, tmp_path / "staging", 4 * PIECE)
    made.prepare()
    return made


def made(folder: Path, name: str, raw: bytes) -> Made:
    (folder / name).write_bytes(raw)
    return Made(name=name, path=folder / name, sha256=hashlib.sha256(raw).hexdigest())


async def whole(store: ArtifactStore, key: str, start: int, end: int) -> bytes:
    return b"".join([piece async for piece in store.read(key, start, end)])


async def test_what_is_published_can_be_read_whole_and_in_parts(store: ArtifactStore) -> None:
    raw = os.urandom(2 * PIECE + 77)
    folder = store.stage(JOB, 1)
    (kept,) = store.publish(JOB, 1, folder, [made(folder, "clip.mp4", raw)])
    assert (kept.key, kept.size) == (f"{JOB}/1/clip.mp4", len(raw))
    assert kept.digest == hashlib.sha256(raw).hexdigest()
    assert await whole(store, kept.key, 0, len(raw)) == raw
    assert await whole(store, kept.key, PIECE - 5, 2 * PIECE + 5) == raw[PIECE - 5 : 2 * PIECE + 5]
    assert await whole(store, kept.key, 10, 10) == b""


def test_a_copy_of_a_kept_file(store: ArtifactStore, tmp_path: Path) -> None:
    folder = store.stage(JOB, 1)
    (kept,) = store.publish(JOB, 1, folder, [made(folder, "clip.mp4", b"all of it")])
    store.fetch(kept.key, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"all of it"


async def test_attempts_do_not_touch_each_other(store: ArtifactStore) -> None:
    keys: list[str] = []
    for attempt in (1, 2):
        folder = store.stage(JOB, attempt)
        (kept,) = store.publish(JOB, attempt, folder, [made(folder, "clip.mp4", b"try %d" % attempt)])
        keys.append(kept.key)
        store.unstage(folder)
        assert not folder.exists()
    store.copy(keys[1], f"{JOB}/0/first.mp4")
    store.keep_only(JOB, 2)
    assert await whole(store, f"{JOB}/0/first.mp4", 0, 5) == b"try 2"
    assert await whole(store, keys[1], 0, 5) == b"try 2"
    with pytest.raises(BackendError) as gone:
        await whole(store, keys[0], 0, 5)
    assert gone.value.cause is Cause.NOT_FOUND


async def test_jobs_with_files_are_known_until_they_are_forgotten(store: ArtifactStore) -> None:
    for job in ("video_a", "video_b"):
        folder = store.stage(job, 1)
        store.publish(job, 1, folder, [made(folder, "clip.mp4", b"x"), made(folder, "still.webp", b"y")])
    assert await store.jobs() == {"video_a", "video_b"}
    store.forget("video_a")
    store.forget("video_a")
    assert await store.jobs() == {"video_b"}


def test_a_file_that_is_not_there_is_not_found(store: ArtifactStore, tmp_path: Path) -> None:
    with pytest.raises(BackendError) as gone:
        store.fetch("video_a/1/clip.mp4", tmp_path / "copy")
    assert gone.value.cause is Cause.NOT_FOUND


@pytest.mark.parametrize("trick", ["elsewhere", "link", "digest", "missing", "large"])
async def test_nothing_is_kept_of_a_result_that_is_not_in_order(
    store: ArtifactStore, tmp_path: Path, trick: str
) -> None:
    folder = store.stage(JOB, 1)
    first = made(folder, "good.webp", b"fine")
    file = made(folder, "clip.mp4", b"x" * (4 * PIECE if trick == "large" else 10))
    cause = Cause.UPSTREAM_PROTOCOL
    match trick:
        case "elsewhere":
            (tmp_path / "secret").write_bytes(b"secret")
            file = Made(name="clip.mp4", path=tmp_path / "secret", sha256="")
        case "link":
            file.path.unlink()
            file.path.symlink_to(folder / "good.webp")
        case "digest":
            file = Made(name="clip.mp4", path=file.path, sha256="0" * 64)
        case "missing":
            file.path.unlink()
            cause = Cause.STORAGE
        case _:
            cause = Cause.TOO_LARGE
    with pytest.raises(BackendError) as refused:
        store.publish(JOB, 1, folder, [file, first])
    assert refused.value.cause is cause
    assert str(tmp_path) not in refused.value.detail
    assert await store.jobs() == frozenset()


def test_what_a_killed_gateway_left_half_made_goes(store: ArtifactStore) -> None:
    folder = store.stage(JOB, 1)
    (folder / "half").touch()
    store.prepare()
    assert not folder.exists()
    assert store.free_bytes() > 0


def test_the_points_of_a_publication_come_in_order(tmp_path: Path) -> None:
    points: list[str] = []
    seen: Callable[[str], None] = lambda point: points.append(f"{point}:{(tmp_path / 'kept' / JOB).exists()}")  # noqa: E731
    store = ArtifactStore(FolderShelf(tmp_path / "kept"), tmp_path / "staging", PIECE, seen)
    store.prepare()
    folder = store.stage(JOB, 1)
    store.publish(JOB, 1, folder, [made(folder, "clip.mp4", b"x")])
    assert points == ["before_publish:False", "after_fsync:False", "after_rename:True", "after_folder_fsync:True"]


def test_a_bucket_that_does_not_answer_is_told_without_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    with pytest.raises(BackendError) as failed:
        BucketShelf("s3://nowhere/x", retry_seconds=0.1).keys("a/")
    assert failed.value.cause is Cause.STORAGE
    assert "127.0.0.1" not in failed.value.detail
    assert "canary-secret" not in failed.value.private


def test_a_url_that_is_no_bucket_is_refused() -> None:
    with pytest.raises(BackendError, match="bucket"):
        BucketShelf("ftp://example.org/x")


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    shelf = FolderShelf(tmp_path / "kept")
    store = ArtifactStore(shelf, tmp_path / "staging", PIECE)
    store.prepare()
    folder = store.stage(JOB, 1)
    file = made(folder, "clip.mp4", b"x")
    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(BackendError, match="could not be kept"):
        store.publish(JOB, 1, folder, [file])
    assert shelf.keys(f"{JOB}/") == []
