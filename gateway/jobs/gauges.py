"""Jobs as gauges: what the last round of housekeeping counted."""

from collections.abc import Iterator

from gateway.jobs.store import Tally


def job_gauges(kind: str, tally: Tally) -> Iterator[tuple[str, tuple[str, ...], float]]:
    """(metric, labels, value)."""
    yield "gateway_jobs_queue_depth", (kind,), float(tally.queued)
    yield "gateway_jobs_running", (kind,), float(tally.in_progress)
    yield "gateway_jobs_oldest_age_seconds", (kind,), tally.oldest_wait
    yield "gateway_artifact_bytes", (kind,), float(tally.bytes)
