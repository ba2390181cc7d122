"""A vendor of pictures and clips that is not this machine, and a gateway that may ask it: every switch says yes."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import yaml

from backends.cloud.client import CloudClient
from backends.cloud.media.downloads import Downloads
from backends.cloud.media.operation import Operation
from gateway.database import open_database
from gateway.spending.report import SpendingReport
from tests.fakes.cloud import FakeCloud, answer
from tests.fakes.far_away import HOST, certified, connector
from tests.fakes.gateway import RunningGateway, running_gateway
from tests.fakes.vendor import Vendor

FILES = "files.far-away.example"
OPEN: Mapping[str, object] = {"cloud": "spill", "cloud_budget_day": 5.0}
READ = "as_of: 2026-11-23, source: its list"


def provider(*operations: Operation, **fields: object) -> str:
    """Its file."""
    made = {
        "id": "far", "name": "Far", "kind": "http", "base_url": f"https://{HOST}/v1", "auth": {"secret": "FAR_KEY"},
        "privacy": {
            "country": "XX", "trains": "no", "retention_days": 30, "as_of": "2026-11-23", "source": "its terms",
        },
        "operations": [msgspec.to_builtins(each) for each in operations],
    }  # fmt: skip
    return yaml.safe_dump(made | fields, sort_keys=False)


def model(name: str, tasks: str, price: str, more: str = "", offer: str = "") -> str:
    """A profile of what only the vendor serves, as its ``far-1``."""
    modality = "video" if "video" in tasks else "image"
    clip = "clip: {frames: 120, every: 24, least_frames: 48, most_frames: 240, fps: 24}" if modality == "video" else ""
    return f"""\
id: {name}
name: {name}
modality: {modality}
tasks: [{tasks}]
licence: proprietary
open_weights: false
picture: {{width: 1280, height: 720, steps: 1, most_steps: 1, most_images: 1}}
{clip}
limits: {{n: 4}}
cloud:
  - {{provider: far, model: far-1, {READ}, {offer} price: {{{price}, {READ}}}}}
{more}
"""


def offering(price: str) -> str:
    """For a profile of a model that runs here too: what does not fit goes to the vendor."""
    return f"cloud:\n  - {{provider: far, model: far-1, {READ}, price: {{{price}, {READ}}}}}\nspill: {{}}\n"


@asynccontextmanager
async def vending(
    operation: Operation, profiles: dict[str, str], **settings: object
) -> AsyncIterator[tuple[RunningGateway, Vendor]]:
    """The vendor's links are at a host of their own."""
    shown, trust = certified(HOST, FILES)
    async with FakeCloud.running((), tls=shown) as cloud:
        vendor = Vendor(cloud)
        async with gateway_to(vendor, trust, {"providers/far": provider(operation)} | profiles, **settings) as gateway:
            yield gateway, vendor


@asynccontextmanager
async def gateway_to(
    vendor: Vendor, trust: ssl.SSLContext, profiles: dict[str, str], **settings: object
) -> AsyncIterator[RunningGateway]:
    """One that reaches it."""
    client, downloads = ways(vendor.cloud.port, trust)
    async with running_gateway(profiles, client=client, downloads=downloads, **{**OPEN, **settings}) as gateway:
        yield gateway


def ways(port: int, trust: ssl.SSLContext) -> tuple[CloudClient, Downloads]:
    """To it, and to its files."""

    async def here(_host: str, _port: int) -> tuple[str, ...]:
        return ("127.0.0.1",)

    client = CloudClient({"FAR_KEY": "s3cret"}.get, connector({HOST: port}, trust))
    return client, Downloads(here, lambda _: True, tls=trust, ports=(port,))


def link(vendor: Vendor, name: str, content: bytes, kind: str = "video/mp4") -> str:
    """A file of it, at its host of files."""
    vendor.files[f"/files/{name}"] = answer(content, kind=kind)
    return f"https://{FILES}:{vendor.cloud.port}/files/{name}"


def spent(gateway: RunningGateway) -> list[tuple[str, int, int, int]]:
    """(provider, calls, settled, still open) in billionths of a dollar."""
    return spent_in(gateway.root / "state")


def spent_in(state: Path) -> list[tuple[str, int, int, int]]:
    """The same, of a folder of state."""
    database = open_database(state / "forebay.db")
    try:
        lines = SpendingReport(database).lines("provider")
        return [(line.of, line.calls, line.spent, line.reserved + line.unknown) for line in lines]
    finally:
        database.dispose()
