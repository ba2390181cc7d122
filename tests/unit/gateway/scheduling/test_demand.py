"""What a request needs, and which requests are of a size."""

import pytest

from gateway.scheduling.demand import Demand


@pytest.mark.parametrize(
    ("demand", "bucket"),
    [
        (Demand(), ""),
        (Demand(context_tokens=100_000), ""),
        (Demand(width=1024), ""),
        (Demand(width=1024, height=1024), "1024x1024x1f"),
        (Demand(width=1024, height=1024, frames=1, images=1), "1024x1024x1f"),
        (Demand(width=1025, height=1024), "2048x1024x1f"),
        (Demand(width=832, height=480, frames=81), "1024x512x128f"),
        (Demand(width=480, height=832, frames=65), "1024x512x128f"),
        (Demand(width=512, height=512, images=3), "512x512x1fx4"),
        (Demand(width=8, height=8), "256x256x1f"),
    ],
)
def test_bucket(demand, bucket):
    assert demand.bucket == bucket


def test_few_buckets_cover_every_size():
    sides = range(64, 2049, 64)
    buckets = {Demand(width=w, height=h).bucket for w in sides for h in sides}
    assert len(buckets) == 7
