"""A folder that changes: reloads, kept catalogs, subscribers."""

import asyncio
import os
from pathlib import Path

import pytest

from gateway.catalog.problem import Problem
from gateway.catalog.watch import CatalogStore, Change, fingerprint
from tests.unit.gateway.catalog.samples import BETA, CHAT, PICTURE, three, write

DEADLINE = 30.0


class Ticks:
    """A sleep that ends when the test says so; ``turned`` counts how often the watcher came back to it."""

    def __init__(self) -> None:
        self._wake = asyncio.Semaphore(0)
        self._asleep = asyncio.Semaphore(0)
        self.asked: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        self._asleep.release()
        await self._wake.acquire()

    async def once(self) -> None:
        """One whole look of the watcher: from one sleep to the next."""
        await asyncio.wait_for(self._asleep.acquire(), DEADLINE)
        self._wake.release()
        await asyncio.wait_for(self._asleep.acquire(), DEADLINE)
        self._asleep.release()


def test_the_first_load_adds_everything(tmp_path: Path) -> None:
    reports: list[tuple[Problem, ...]] = []
    changes: list[Change] = []
    store = CatalogStore(three(tmp_path), clock=lambda: 12.5, on_report=reports.append)
    store.subscribe(changes.append)
    assert (store.generation, store.loaded_at, dict(store.catalog.profiles)) == (0, None, {})
    assert store.reload() == ()
    assert (store.generation, store.loaded_at) == (1, 12.5)
    assert changes == [Change(generation=1, added=("alpha", "beta", "picture"), changed=(), removed=())]
    assert reports == [()]


def test_a_broken_file_keeps_the_old_catalog(tmp_path: Path) -> None:
    now = iter((1.0, 2.0))
    reports: list[tuple[Problem, ...]] = []
    store = CatalogStore(three(tmp_path), clock=lambda: next(now), on_report=reports.append)
    store.reload()
    good = store.catalog
    write(tmp_path, {"llm/alpha.yaml": CHAT.replace("tier: B", "tier: Z")})
    problems = store.reload()
    assert [p.where for p in problems] == ["tier"]
    assert store.last_problems == problems
    assert store.catalog is good
    assert (store.generation, store.loaded_at) == (1, 1.0)
    write(tmp_path, {"llm/alpha.yaml": CHAT})
    assert store.reload() == ()
    assert store.last_problems == ()
    assert store.catalog is good  # same bytes as before: nothing to swap, nobody to tell
    assert (store.generation, store.loaded_at) == (1, 2.0)
    assert reports == [(), problems, ()]


def test_subscribers_hear_what_changed_until_they_leave(tmp_path: Path) -> None:
    store = CatalogStore(three(tmp_path))
    store.reload()
    changes: list[Change] = []
    leave = store.subscribe(changes.append)
    write(
        tmp_path,
        {
            "llm/beta.yaml": BETA.replace("tier: S", "tier: A"),
            "image/new.yaml": PICTURE.replace("id: picture", "id: new"),
        },
    )
    (tmp_path / "image/picture.yaml").unlink()
    store.reload()
    assert changes == [Change(generation=2, added=("new",), changed=("beta",), removed=("picture",))]
    leave()
    (tmp_path / "image/new.yaml").unlink()
    store.reload()
    assert store.generation == 3
    assert len(changes) == 1


async def test_the_watcher_follows_the_folder(tmp_path: Path) -> None:
    ticks = Ticks()
    store = CatalogStore(three(tmp_path))
    store.reload()
    task = asyncio.create_task(store.watch(every=2.0, sleep=ticks.sleep))
    try:
        await ticks.once()
        assert store.generation == 1
        write(tmp_path, {"llm/alpha.yaml": CHAT + "oops: 1\n"})
        await ticks.once()
        assert [p.where for p in store.last_problems] == ["oops"]
        assert store.generation == 1
        write(tmp_path, {"llm/alpha.yaml": CHAT.replace("name: Alpha 1B", "name: Alpha 2B")})
        await ticks.once()
        assert store.generation == 2
        assert store.last_problems == ()
        assert store.catalog.profiles["alpha"].name == "Alpha 2B"
        (tmp_path / "image/picture.yaml").unlink()
        await ticks.once()
        assert "picture" not in store.catalog.profiles
        assert set(ticks.asked) == {2.0}
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_change_between_start_and_watch_is_seen(tmp_path: Path) -> None:
    ticks = Ticks()
    store = CatalogStore(three(tmp_path))
    store.reload()
    write(tmp_path, {"llm/more.yaml": PICTURE.replace("id: picture", "id: more")})
    task = asyncio.create_task(store.watch(sleep=ticks.sleep))
    try:
        await ticks.once()
        assert "more" in store.catalog.profiles
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_concurrent_refreshes_agree(tmp_path: Path) -> None:
    store = CatalogStore(three(tmp_path))
    results = await asyncio.wait_for(asyncio.gather(*(store.refresh() for _ in range(5))), DEADLINE)
    assert results == [()] * 5
    assert store.generation == 1


def test_the_fingerprint_sees_replacement_with_the_same_size_and_time(tmp_path: Path) -> None:
    root = three(tmp_path)
    path = root / "llm/alpha.yaml"
    before = fingerprint(root)
    assert fingerprint(root) == before
    stat = path.stat()
    other = root / "llm/.new"
    other.write_text(CHAT.replace("tier: B", "tier: A"), encoding="utf-8")
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(path)
    assert path.stat().st_mtime_ns == stat.st_mtime_ns
    assert fingerprint(root) != before
