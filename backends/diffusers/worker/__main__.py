"""``python -m backends.diffusers.worker --config FILE``: the process that serves one resident variant."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

import msgspec
import uvloop

from backends.diffusers.config import WorkerConfig
from backends.diffusers.worker.serve import serve


def main() -> None:
    """Serve until told to stop. Leaves without the interpreter's farewell: a step may still run in its thread."""
    parser = argparse.ArgumentParser(prog="backends.diffusers.worker")
    parser.add_argument("--config", type=Path, required=True)
    config = msgspec.json.decode(parser.parse_args().config.read_bytes(), type=WorkerConfig)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status = runner.run(serve(config))
        sys.stderr.flush()
        os._exit(status)


main()
