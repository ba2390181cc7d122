"""The life of the worker process: listen, load, serve, drain, exit.

The socket listens before the model loads, so that ``/health`` can say "loading". No timer runs while nothing happens.
"""

import asyncio
import sys
from contextlib import suppress

from backends.errors import BackendError
from backends.llama_cpp.config import WorkerConfig
from backends.llama_cpp.worker.front.app import App
from backends.llama_cpp.worker.front.conversation import Conversation
from backends.llama_cpp.worker.front.service import Service
from backends.llama_cpp.worker.runtime import Runtime
from backends.serving.listen import listening, protocol
from backends.serving.stop import stop_signal, until

EXIT_LOAD_FAILED = 3
EXIT_ENGINE_DIED = 4


async def serve(config: WorkerConfig) -> int:
    """Run until a signal or a failure; returns the exit status."""
    app = App()
    with listening(config.socket) as listener:
        server = await asyncio.get_running_loop().create_unix_server(protocol(app), sock=listener)
        stop = stop_signal()
        try:
            runtime = await until(stop, _load(config))
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


async def _load(config: WorkerConfig) -> Runtime:
    if config.runtime == "xllamacpp":
        from backends.llama_cpp.worker.llama_server.runtime import LlamaServerRuntime

        return await LlamaServerRuntime.load(config)
    from backends.llama_cpp.worker.batch.runtime import BatchRuntime

    return await BatchRuntime.load(config)


async def _drain(app: App, seconds: float) -> None:
    """Let running requests finish for a while."""
    with suppress(TimeoutError):
        await asyncio.wait_for(app.idle.wait(), seconds)


def _report(text: str) -> None:
    sys.stderr.write(text.rstrip() + "\n")
