"""A vendor on loopback, and the adapter to it with a clock of its own."""

from collections.abc import AsyncIterator, Callable

import pytest

from backends.cloud.client import CloudClient
from backends.cloud.media.adapter import MediaProvider
from backends.cloud.media.downloads import Downloads
from tests.fakes.cloud import FakeCloud
from tests.fakes.vendor import Vendor
from tests.unit.backends.cloud.media.stage import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with FakeCloud.running() as cloud:
        yield Vendor(cloud)


@pytest.fixture
async def backend(clock: Clock, vendor: Vendor) -> AsyncIterator[Callable[..., MediaProvider]]:
    client = CloudClient({"FAKE_KEY": "s3cret"}.get)
    yield lambda *operations, **fields: MediaProvider(
        vendor.provider(*operations, **fields), "m1", client, Downloads(), clock.pace
    )
    await client.aclose()
