"""From a variant's arguments to the worker's command line: one JSON file of typed fields, and a minimal environment."""

import os
from pathlib import Path
from typing import cast

import msgspec

from backends.contract import LaunchPlan, LaunchRequest
from backends.llama_cpp.args import LlamaCppArgs
from backends.llama_cpp.config import WorkerConfig, WorkerRuntime


def plan(args: LlamaCppArgs, request: LaunchRequest, python: Path, runtime: str) -> LaunchPlan:
    """Writes the worker's configuration into ``request.run_dir`` and says how to start it there."""
    socket = request.run_dir / "engine.sock"
    config = WorkerConfig(
        model=str(request.weights[0]),
        socket=str(socket),
        served_name=request.served_name,
        runtime=cast("WorkerRuntime", runtime),
        slots=request.slots,
        context_tokens=request.context_tokens,
        args=args,
    )
    path = request.run_dir / "worker.json"
    path.write_bytes(msgspec.json.encode(config))
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HF_HUB_OFFLINE": "1",
        "OMP_WAIT_POLICY": args.omp_wait_policy,
        "PYTHONUNBUFFERED": "1",
    }
    if args.threads is not None:
        env["OMP_NUM_THREADS"] = str(args.threads)
    return LaunchPlan(
        argv=(str(python), "-P", "-m", "backends.llama_cpp.worker", "--config", str(path)),
        env=env,
        socket=socket,
        cwd=request.run_dir,
    )
