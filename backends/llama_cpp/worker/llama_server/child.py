# pyright: basic, reportMissingImports=false
# xllamacpp has no types that a strict check could follow.
"""``python -m backends.llama_cpp.worker.llama_server.child CONFIG SOCKET``: the process that holds the native server.

A process of its own, since loading keeps the interpreter busy and a native abort takes everything with it. It says
``{"device_bytes": …}`` on stdout when ready, and ends when its stdin closes or its parent dies.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

import msgspec
import xllamacpp

from backends.llama_cpp.config import WorkerConfig
from backends.llama_cpp.worker.llama_server.pooling import declares_pooling

_PR_SET_PDEATHSIG = 1
_CACHE_TYPES = {
    "f16": xllamacpp.ggml_type.GGML_TYPE_F16,
    "q8_0": xllamacpp.ggml_type.GGML_TYPE_Q8_0,
    "q4_0": xllamacpp.ggml_type.GGML_TYPE_Q4_0,
}
_LOAD_MODES = {
    (False, False): xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE,
    (True, False): xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_MMAP,
    (False, True): xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_MLOCK,
    (True, True): xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_MMAP_MLOCK,
}
_EXPERTS = r"blk\.{layer}\.ffn_(up|down|gate|gate_up)_(ch|)exps=CPU"
_ERRORS_ONLY = 1
_MOST_DEVICES = 128
_BYTES_A_THREAD = 256 << 20


def parameters(config: WorkerConfig, socket: str) -> xllamacpp.CommonParams:
    """The server's parameters. Nothing comes from a request."""
    args = config.args
    params = xllamacpp.CommonParams()
    params.model.path = config.model
    params.hostnames = [socket]
    params.n_parallel = config.slots
    params.n_ctx = config.context_tokens
    params.n_batch = params.n_ubatch = args.batch_tokens
    params.n_gpu_layers = args.gpu_layers
    params.cache_type_k, params.cache_type_v = _CACHE_TYPES[args.cache_type_k], _CACHE_TYPES[args.cache_type_v]
    params.load_mode = _LOAD_MODES[args.mmap, args.mlock]
    if config.tensor_split:
        split = config.tensor_split[:_MOST_DEVICES]
        params.tensor_split = [*split, *[0.0] * (_MOST_DEVICES - len(split))]
    params.tensor_buft_overrides = ",".join(_EXPERTS.format(layer=layer) for layer in range(args.n_cpu_moe))
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = config.threads or _threads(Path(config.model))
    params.cache_ram_mib = 0  # prompts are reused from the slots; a second copy in host memory is not accounted for
    params.fit_params = False  # the scheduler has decided what fits
    params.ctx_shift = False
    params.verbosity = _ERRORS_ONLY
    params.endpoint_metrics, params.endpoint_slots, params.ui = True, False, False
    params.embedding = args.embeddings
    if args.embeddings and not declares_pooling(Path(config.model)):
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return params


def _threads(model: Path) -> int:
    """Small models lose more to waiting for each other's threads than they win: one thread a ``_BYTES_A_THREAD``."""
    return min(len(os.sched_getaffinity(0)), 1 + model.stat().st_size // _BYTES_A_THREAD)


def main() -> None:
    """Load, report, and wait for the end of stdin."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    config = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=WorkerConfig)
    before = _device_memory_free()
    server = xllamacpp.Server(parameters(config, sys.argv[2]))
    taken = max(0, before - _device_memory_free())
    sys.stdout.buffer.write(msgspec.json.encode({"device_bytes": taken}) + b"\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    del server
    os._exit(0)


def _device_memory_free() -> int:
    host = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return sum(device["memory_free"] for device in xllamacpp.get_device_info() if device["type"] != host)


if __name__ == "__main__":
    main()
