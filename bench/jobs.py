"""``python -m bench.jobs [URL]``: the store of durable jobs with 1,000 jobs in its queue, on SQLite and, with a URL of
an empty database, on PostgreSQL. Fails when SQLite misses a limit.

SQLite writes into a folder of its own in the working directory: a temporary folder may be memory.
"""

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from gateway.database import open_database
from gateway.jobs.claims import Claims
from gateway.jobs.job import Artifact, NewJob, Progress
from gateway.jobs.schema import upgrade
from gateway.jobs.storage import Storage
from gateway.jobs.store import JobStore

JOBS = 1_000
SPEC = b'{"prompt": "' + b"a cat on a shelf, " * 40 + b'", "size": "832x480", "seconds": 5}'
RESULT = (Artifact(name="video", key="videos/x/1/video.mp4", media_type="video/mp4", size=1 << 20, digest="d" * 64),)
CREATE_P99, PAGE_P99, CLAIMS_A_SECOND = 50.0, 20.0, 100.0


def new(number: int) -> NewJob:
    return NewJob(owner="key_a", kind="video", model=f"m{number % 5}", spec=SPEC, priority=number % 3,
                  idempotency_key=f"k{time.monotonic_ns()}-{number}", request_digest="d" * 64)  # fmt: skip


def taken(times: int, call: Callable[[int], object]) -> list[float]:
    """Milliseconds of each call."""
    spent = []
    for number in range(times):
        begun = time.perf_counter()
        call(number)
        spent.append(1000 * (time.perf_counter() - begun))
    return spent


def told(name: str, spent: list[float], limit: float | None = None) -> bool:
    p99 = statistics.quantiles(spent, n=100)[98]
    held = limit is None or p99 <= limit
    print(f"  {name:46}{statistics.median(spent):9.2f}{p99:9.2f}{max(spent):9.2f}"
          f"{'' if limit is None else f'   p99 may be {limit:.0f}' + ('' if held else ': MISSED')}")  # fmt: skip
    return held


def drained(claims: Claims, threads: int) -> tuple[int, float]:
    """Jobs claimed and finished, and the seconds that took ``threads`` workers."""
    done: list[str] = []

    def work() -> None:
        while (job := claims.claim()) is not None:
            claims.finish(job, RESULT, keep_seconds=3600)
            done.append(job.id)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    begun = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(done) == len(set(done)), "a job ran twice"
    return len(done), time.perf_counter() - begun


def measure(name: str, where: Path | str) -> bool:
    database = open_database(where)
    upgrade(database)
    storage = Storage(database, time.time)
    store, claims = JobStore(storage), Claims(storage, worker="bench/1", kind="video")
    print(f"{name:48}{'median':>9}{'p99':>9}{'most':>9}  milliseconds")
    held = [told("create, until there are 1,000", taken(JOBS, lambda n: store.create(new(n))), CREATE_P99)]
    last = store.page("key_a", "video", limit=1, order="asc").jobs[0].id
    for _ in range(8):
        last = store.page("key_a", "video", limit=100, after=last, order="asc").jobs[-1].id
    held.append(told("page of 20, the newest", taken(300, lambda _: store.page("key_a", "video")), PAGE_P99))
    held.append(
        told("page of 100, the newest", taken(300, lambda _: store.page("key_a", "video", limit=100)), PAGE_P99)
    )
    held.append(
        told("page of 20, 800 jobs in", taken(300, lambda _: store.page("key_a", "video", after=last)), PAGE_P99)
    )
    told("one job", taken(300, lambda _: store.get("key_a", last)))
    told("tally", taken(100, lambda _: store.tally("video")))
    job = claims.claim()
    assert job is not None
    told("heartbeat", taken(300, lambda _: claims.heartbeat(job)))
    told("progress", taken(300, lambda n: claims.progress(job, Progress(percent=n / 3, stage="denoise", eta=1.0))))
    claims.give_back(job)
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            if (one := claims.claim()) is not None:
                claims.heartbeat(one)
                claims.give_back(one)

    workers = [threading.Thread(target=busy) for _ in range(4)]
    for worker in workers:
        worker.start()
    held.append(
        told("create, beside 4 workers that only claim", taken(300, lambda n: store.create(new(n))), CREATE_P99)
    )
    held.append(told("page of 20, beside them", taken(300, lambda _: store.page("key_a", "video")), PAGE_P99))
    stop.set()
    for worker in workers:
        worker.join()
    count, seconds = drained(claims, 1)
    held.append(count / seconds >= CLAIMS_A_SECOND)
    print(f"  {count} jobs claimed and finished by 1 worker: {count / seconds:.0f}/s; must be {CLAIMS_A_SECOND:.0f}")
    for number in range(JOBS):
        store.create(new(number))
    count, seconds = drained(claims, 8)
    held.append(count / seconds >= CLAIMS_A_SECOND)
    print(f"  {count} jobs claimed and finished by 8 workers: {count / seconds:.0f}/s; must be {CLAIMS_A_SECOND:.0f}")
    database.dispose()
    return all(held)


def main() -> int:
    with tempfile.TemporaryDirectory(prefix=".bench-jobs-", dir=Path.cwd()) as folder:
        held = measure("SQLite", Path(folder) / "forebay.db")
    if len(sys.argv) > 1:
        measure("PostgreSQL", sys.argv[1])
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
