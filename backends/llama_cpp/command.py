"""The command line and the whole environment of a llama.cpp worker, from typed fields. Starts nothing."""

import os
from pathlib import Path

import msgspec

from backends.contract import DeviceShare, LaunchPlan, LaunchRequest
from backends.errors import BackendError, Cause
from backends.llama_cpp.args import LlamaCppArgs
from backends.llama_cpp.config import WorkerConfig

_RUNTIMES = ("llama_cpp_python", "xllamacpp")
_SPIN_COUNT = "10000"
"""How often a waiting thread looks before it sleeps: some ten microseconds. Without it, a small model's threads spend
their time falling asleep (a third of the speed); without a bound, they starve on a busy machine."""


def plan(args: LlamaCppArgs, request: LaunchRequest, python: Path, runtime: str) -> LaunchPlan:
    """How to start a worker in the environment of ``python``. Writes its configuration into the run directory.

    Raises ``BackendError(LOAD_FAILED)`` when there is no GGUF file among the weights.
    """
    if runtime not in _RUNTIMES:
        raise BackendError(Cause.LOAD_FAILED, f"llama_cpp has no runtime {runtime!r}")
    socket = request.run_dir / "engine.sock"
    config = WorkerConfig(
        model=str(_first_gguf(request.weights)),
        socket=str(socket),
        served_name=request.served_name,
        runtime=runtime,
        slots=request.slots,
        context_tokens=request.context_tokens,
        args=args,
        tensor_split=_tensor_split(request),
    )
    path = request.run_dir / "worker.json"
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(config))
    return LaunchPlan(
        argv=(str(python), "-P", "-m", "backends.llama_cpp.worker", "--config", str(path)),
        env=_environment(args, request, python),
        socket=socket,
        cwd=request.run_dir,
        stop_grace=config.drain_seconds + 5,
    )


def _first_gguf(weights: tuple[Path, ...]) -> Path:
    """The file to name: of a model in parts, llama.cpp wants the first and finds the others."""
    files = sorted(path for path in weights if path.suffix == ".gguf")
    if not files:
        raise BackendError(Cause.LOAD_FAILED, "the variant has no GGUF file")
    return files[0]


def _cards(request: LaunchRequest) -> tuple[DeviceShare, ...]:
    return tuple(share for share in request.shares if share.device_id != "cpu")


def _tensor_split(request: LaunchRequest) -> tuple[float, ...]:
    """By the bytes granted on each card, in the order in which the worker sees them."""
    cards = _cards(request)
    granted = sum(share.bytes for share in cards)
    return tuple(round(share.bytes / granted, 4) for share in cards) if len(cards) > 1 and granted else ()


def _environment(args: LlamaCppArgs, request: LaunchRequest, python: Path) -> dict[str, str]:
    environment = {
        "PATH": os.pathsep.join((str(python.parent), os.defpath)),
        "LANG": "C.UTF-8",
        "HF_HUB_OFFLINE": "1",
        "GGML_NO_BACKTRACE": "1",  # an abort must not start a debugger
        "OMP_WAIT_POLICY": args.omp_wait_policy,
        "CUDA_VISIBLE_DEVICES": ",".join(share.device_id for share in _cards(request)),
    }
    if args.omp_wait_policy == "passive":
        environment["GOMP_SPINCOUNT"] = _SPIN_COUNT
    if args.threads is not None:
        environment["OMP_NUM_THREADS"] = str(args.threads)
    return environment
