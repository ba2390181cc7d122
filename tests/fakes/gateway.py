"""A whole gateway in the test's own loop: the real application, listener and launcher, on a free loopback port."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from backends.cloud.client import CloudClient
from backends.cloud.media.downloads import Downloads
from gateway.app import Application, create_app
from gateway.http.server import bind, make_server
from gateway.http.services import Services
from gateway.settings import Settings

ENGINE = Path(__file__).with_name("engine.py")
PROFILE = """\
id: {id}
name: {id}
modality: llm
tasks: [chat, completion, embedding, rerank, score]
licence: Apache-2.0
open_weights: true
context_tokens: {context}
{extra}
variants:
  - name: only
    engine:
      kind: external
      slots: {slots}
      command: {command}
    footprint: {{weights_bytes: {bytes}, load_seconds: 1}}
    start_timeout_seconds: {start_timeout}
    stop_grace_seconds: 2
{variant_extra}
"""


def engine_profile(
    name: str,
    *flags: str,
    slots: int = 4,
    size: int = 1_000_000,
    start_timeout: float = 30,
    context: int = 8192,
    extra: str = "",
    variant_extra: str = "",
) -> str:
    """YAML of a profile served by the fake engine started with ``flags``."""
    command = [sys.executable, "-I", "-S", str(ENGINE), "--socket", "{socket}", "--model", "{name}", *flags]
    listed = "[" + ", ".join(f"'{part}'" for part in command) + "]"
    return PROFILE.format(
        id=name, slots=slots, command=listed, bytes=size, start_timeout=start_timeout, context=context,
        extra=extra, variant_extra=variant_extra,
    )  # fmt: skip


class RunningGateway:
    """What a test needs of it. ``client`` is an httpx client on its address."""

    def __init__(self, app: Application, address: str, client: httpx.AsyncClient, root: Path) -> None:
        self.app = app
        self.address = address
        self.client = client
        self.root = root
        self.profiles = root / "profiles"

    @property
    def services(self) -> Services:
        return self.app.services

    def in_flight(self) -> int:
        return self.services.runtime.scheduler.in_flight

    async def until(self, condition, deadline: float = 20.0) -> None:
        """Waits until ``condition()`` holds, looking at each turn of the loop."""
        async with asyncio.timeout(deadline):
            while not condition():
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running_gateway(
    profiles: dict[str, str],
    *,
    client: CloudClient | None = None,
    downloads: Downloads | None = None,
    **settings: object,
) -> AsyncIterator[RunningGateway]:
    """``profiles``: file stem to YAML. ``client``, ``downloads``: the ways to providers. ``settings``: fields of
    ``Settings``."""
    with tempfile.TemporaryDirectory(prefix="fb") as folder:
        root = Path(folder)
        (root / "profiles").mkdir()
        for stem, text in profiles.items():
            path = root / "profiles" / f"{stem}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
        given = {
            "host": "127.0.0.1",
            "port": 0,
            "profiles_dir": root / "profiles",
            "state_dir": root / "state",
            "data_dir": root / "data",
            "cache_dir": root / "cache",
            "access_log": False,
            "log_level": "ERROR",
            "drain_window": 2,
        }
        chosen = Settings(**{**given, **settings})
        app = create_app(chosen, cloud=client, downloads=downloads)
        listener = bind(chosen)
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        server = make_server(app, chosen, listener, address.set_result)
        task = asyncio.create_task(server._serve([listener]))
        try:
            await asyncio.wait({task, address}, return_when=asyncio.FIRST_COMPLETED, timeout=30)
            if not address.done():
                raise RuntimeError("the gateway did not start")
            async with httpx.AsyncClient(base_url=address.result(), timeout=60) as client:
                yield RunningGateway(app, address.result(), client, root)
        finally:
            app.begin_drain()
            server.should_exit = True
            await task
            listener.close()
