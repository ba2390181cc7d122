"""The life of the worker process: listen, load, serve, drain, exit.

The socket listens before the model loads, so that ``/health`` can say "loading". No timer runs while nothing happens.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import Coroutine, Generator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from backends.errors import BackendError
from backends.llama_cpp.config import WorkerConfig
from backends.llama_cpp.worker.front.app import App
from backends.llama_cpp.worker.front.conversation import Conversation
from backends.llama_cpp.worker.front.service import Service
from backends.llama_cpp.worker.runtime import Runtime

EXIT_LOAD_FAILED = 3
EXIT_ENGINE_DIED = 4
_KEEP_ALIVE_SECONDS = 3600


async def serve(config: WorkerConfig) -> int:
    """Run until a signal or a failure; returns the exit status."""
    app = App()
    with _listening(config.socket) as listener:
        server = await asyncio.get_running_loop().create_unix_server(_protocol(app), sock=listener)
        stop = _stop_signal()
        try:
            runtime = await _until(stop, _load(config))
        except BackendError as error:
            _report(f"{error.detail} {error.private}")
            return EXIT_LOAD_FAILED
        if runtime is None:
            return 0
        app.service = Service(runtime, config.served_name, await Conversation.load(runtime, config.args))
        await asyncio.wait((stop, runtime.died), return_when=asyncio.FIRST_COMPLETED)
        app.draining = True
        if runtime.died.done():
            _report(runtime.died.result())
            return EXIT_ENGINE_DIED
        server.close()
        await _drain(app, config.drain_seconds)
        await runtime.aclose()
    return 0


def _protocol(app: App) -> partial[HttpToolsProtocol]:
    config = Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    config.load()
    return partial(HttpToolsProtocol, config=config, server_state=ServerState(), app_state={})


@contextmanager
def _listening(path: str) -> Generator[socket.socket]:
    """A Unix socket that only this user may connect to; the file goes away with it."""
    Path(path).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        Path(path).chmod(0o600)
        try:
            yield listener
        finally:
            Path(path).unlink(missing_ok=True)


def _stop_signal() -> "asyncio.Future[None]":
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[None] = loop.create_future()

    def request_stop() -> None:
        if not stop.done():
            stop.set_result(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, request_stop)
    return stop


async def _load(config: WorkerConfig) -> Runtime:
    if config.runtime == "xllamacpp":
        from backends.llama_cpp.worker.llama_server.runtime import LlamaServerRuntime

        return await LlamaServerRuntime.load(config)
    from backends.llama_cpp.worker.batch.runtime import BatchRuntime

    return await BatchRuntime.load(config)


async def _until(stop: "asyncio.Future[None]", loading: Coroutine[None, None, Runtime]) -> Runtime | None:
    """The loaded runtime, or None when the worker was told to stop first."""
    task = asyncio.ensure_future(loading)
    await asyncio.wait((stop, task), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.wait((task,))
    return None


async def _drain(app: App, seconds: float) -> None:
    """Let running requests finish for a while."""
    with suppress(TimeoutError):
        await asyncio.wait_for(app.idle.wait(), seconds)


def _report(text: str) -> None:
    sys.stderr.write(text.rstrip() + "\n")
