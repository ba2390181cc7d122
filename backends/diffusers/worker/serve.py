"""The life of the worker process: listen, load, serve, stop, exit. The socket listens before the model loads."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from backends.diffusers.config import WorkerConfig
from backends.diffusers.worker.desk import Desk
from backends.diffusers.worker.front import Front
from backends.diffusers.worker.model import Model
from backends.errors import BackendError
from backends.serving.listen import listening, protocol
from backends.serving.stop import stop_signal, until

EXIT_LOAD_FAILED = 3


async def serve(config: WorkerConfig) -> int:
    """Run until a signal or a failed load; returns the exit status."""
    front = Front()
    thread = ThreadPoolExecutor(1, "model")
    loop = asyncio.get_running_loop()
    with listening(config.socket) as listener:
        server = await loop.create_unix_server(protocol(front), sock=listener)
        stop = stop_signal()
        try:
            model = await until(stop, _load(config, thread))
        except BackendError as error:
            sys.stderr.write(f"{error.detail} {error.private}\n")
            return EXIT_LOAD_FAILED
        if model is None:
            return 0
        desk = front.desk = Desk(model, thread, config.alive_seconds)
        await stop
        server.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(desk.idle(), config.drain_seconds)
        desk.stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(desk.idle(), config.drain_seconds)
    return 0


async def _load(config: WorkerConfig, thread: ThreadPoolExecutor) -> Model:
    def load() -> Model:
        from backends.diffusers.worker.pipeline.host import PipelineHost

        return PipelineHost(config)

    return await asyncio.get_running_loop().run_in_executor(thread, load)
