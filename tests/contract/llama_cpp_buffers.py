"""``PYTHON llama_cpp_buffers.py RUNTIME CONFIG``: load as the worker would and print what llama.cpp says of buffers.

For the interpreter of an engine's environment; ``CONFIG`` is a worker's configuration file.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from backends.llama_cpp.config import WorkerConfig

LAST = b"model loaded"
"""Said after everything that is looked for."""
out = os.dup(1)


def with_its_log(load: Callable[[], object]) -> object:
    """What ``load`` gives, once its log is whole: llama.cpp writes it from a thread of its own, which ends with us."""
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        loaded = load()
        deadline = time.monotonic() + 60
        while LAST not in (said := os.pread(log.fileno(), 1 << 24, 0)) and time.monotonic() < deadline:
            pass
    os.write(out, said)
    return loaded


def main() -> None:
    config = msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=WorkerConfig)
    if sys.argv[1] == "xllamacpp":
        import xllamacpp

        from backends.llama_cpp.worker.llama_server.child import parameters

        asked = parameters(config, config.socket)
        asked.verbosity = 4
        server = with_its_log(lambda: xllamacpp.Server(asked))
    else:
        import llama_cpp

        from backends.llama_cpp.worker.batch import native_log
        from backends.llama_cpp.worker.batch.context import Context
        from backends.llama_cpp.worker.batch.model import Model

        def show(_level: int, text: bytes | None, _data: object) -> None:
            sys.stderr.write((text or b"").decode("utf-8", "replace"))

        native_log._receive = llama_cpp.llama_log_callback(show)
        model = Model(config)
        server = (model, Context(model, config))
    sys.stderr.flush()
    os._exit(0 if server else 1)


if __name__ == "__main__":
    main()
