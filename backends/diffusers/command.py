"""The command line and the whole environment of a diffusers worker, from typed fields. Starts nothing."""

import os
from pathlib import Path

import msgspec

from backends.contract import DeviceShare, LaunchPlan, LaunchRequest, Post
from backends.diffusers.args import DiffusersArgs
from backends.diffusers.config import WorkerConfig
from backends.environments.paths import default_kernels
from backends.errors import BackendError, Cause

_STEPS = 30
_HOST = "cpu"


def plan(args: DiffusersArgs, request: LaunchRequest, python: Path) -> LaunchPlan:
    """How to start a worker in the environment of ``python``. Writes its configuration into the run directory.

    Raises ``BackendError(LOAD_FAILED)`` when the weights have no folder.
    """
    if request.folder is None:
        raise BackendError(Cause.LOAD_FAILED, "the variant has no folder of weights")
    socket = request.run_dir / "engine.sock"
    config = WorkerConfig(
        folder=str(request.weights[0] if args.single_file and request.weights else request.folder),
        socket=str(socket),
        served_name=request.served_name,
        args=args,
        device="cuda" if _cards(request) else _HOST,
        parts={name: str(path) for name, path in request.parts.items()},
        steps=args.steps or request.steps or _STEPS,
        guidance=args.guidance if args.guidance is not None else request.guidance,
    )
    path = request.run_dir / "worker.json"
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(config))
    return LaunchPlan(
        argv=(str(python), "-P", "-m", "backends.diffusers.worker", "--config", str(path)),
        env=_environment(args, request, python),
        socket=socket,
        cwd=request.run_dir,
        stop_grace=2 * config.drain_seconds + 2,
        sleep=(Post(path="/offload"),) if can_sleep(args) else (),
        wake=(Post(path="/onload"),) if can_sleep(args) else (),
    )


def can_sleep(args: DiffusersArgs) -> bool:
    """Whether it may be moved to host RAM and back: compiled graphs, quantised weights and offload plans may not."""
    moves = all(kind == "fp8_layerwise" for kind in args.quantise.values())
    return args.offload == "none" and moves and not args.compile


def _cards(request: LaunchRequest) -> tuple[DeviceShare, ...]:
    return tuple(share for share in request.shares if share.device_id != _HOST)


def _environment(args: DiffusersArgs, request: LaunchRequest, python: Path) -> dict[str, str]:
    environment = {
        "PATH": os.pathsep.join((str(python.parent), os.defpath)),
        "LANG": "C.UTF-8",
        "HOME": str(request.run_dir),
        "HF_HOME": str(request.run_dir),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "DIFFUSERS_TRUST_REMOTE_KERNELS": "false",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "CUDA_VISIBLE_DEVICES": ",".join(share.device_id for share in _cards(request)),
    }
    if args.compile:  # minutes the first time; HOME above is a folder of this start only
        environment["TORCHINDUCTOR_CACHE_DIR"] = str(default_kernels() / "torchinductor")
        environment["TRITON_CACHE_DIR"] = str(default_kernels() / "triton")
    if args.threads is not None:
        environment["OMP_NUM_THREADS"] = str(args.threads)
    return environment
