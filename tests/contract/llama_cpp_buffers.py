"""``PYTHON llama_cpp_buffers.py RUNTIME CONFIG``: load as the worker would and print what llama.cpp says of buffers.

For the interpreter of an engine's environment; ``CONFIG`` is a worker's configuration file.
"""

import os
import sys
from pathlib import Path

import msgspec

from backends.llama_cpp.config import WorkerConfig


def main() -> None:
    config = msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=WorkerConfig)
    if sys.argv[1] == "xllamacpp":
        import xllamacpp

        from backends.llama_cpp.worker.llama_server.child import parameters

        asked = parameters(config, config.socket)
        asked.verbosity = 4
        server = xllamacpp.Server(asked)
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
