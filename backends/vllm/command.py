"""The command line and the whole environment of a vLLM server, from typed fields. Starts nothing.

Memory is told in bytes, never left to a share of the card: vLLM would measure what is free while it starts, and two
engines on one card would size each other wrongly.
"""

import os
from pathlib import Path

import msgspec

from backends.contract import Canary, DeviceShare, LaunchPlan, LaunchRequest, Post
from backends.errors import BackendError, Cause
from backends.vllm import sleep
from backends.vllm.args import Speculation, VllmArgs
from backends.vllm.parallel import Parallel, parallel_of

_TEMPLATES = Path(__file__).parent / "templates"
_DRAIN_SECONDS = 15
_CANARY_SECONDS = 5.0
_HEARTBEAT = "vllm:iteration_tokens_total_count"
_READY_SECONDS = 24 * 3600
_MIXED = "ForConditionalGeneration"
"""Classes that read more than text."""
_QUIET = "/health,/metrics,/ping,/load,/v1/completions"
_FULL = 0.98
"""Of a card, where its size is unknown: the bytes of the cache are told anyway."""


def plan(args: VllmArgs, request: LaunchRequest, python: Path, runtime: str) -> LaunchPlan:
    """How to start a server in the environment of ``python``.

    Raises ``BackendError(LOAD_FAILED)`` when the variant has no folder of weights, lacks a part that it names, or its
    cards cannot be split as it says.
    """
    if request.folder is None:
        raise BackendError(Cause.LOAD_FAILED, "vllm needs a folder of weights")
    cards = tuple(share for share in request.shares if share.device_id != "cpu")
    parallel = parallel_of(args, len(cards))
    socket = request.run_dir / "engine.sock"
    can_sleep = args.sleeps and runtime != "vllm_cpu"
    argv = (
        str(python), "-P", "-m", "vllm.entrypoints.cli.main", "serve", str(request.folder),
        "--uds", str(socket),
        "--served-model-name", request.served_name,
        *_model(args, request),
        *_memory(args, request, cards, parallel),
        *_parallel(args, parallel),
        *_chat(args),
        *_speculation(args.speculation, request),
        *_loras(args, request),
        *(("--enable-sleep-mode",) if can_sleep else ()),
        "--shutdown-timeout", str(_DRAIN_SECONDS),
        "--disable-access-log-for-endpoints", _QUIET,
        "--disable-fastapi-docs",
        "--enable-prompt-tokens-details",
    )  # fmt: skip
    states = sleep.states(real=can_sleep) if args.sleeps else sleep.NONE
    return LaunchPlan(
        argv=argv,
        env=_environment(request, python, cards, runtime, dev=args.sleeps),
        socket=socket,
        cwd=request.run_dir,
        stop_grace=_DRAIN_SECONDS + 5,
        sleep=states.sleep,
        wake=states.wake,
        deep_sleep=states.deep_sleep,
        deep_wake=states.deep_wake,
        canary=_canary(args, request),
    )


def _model(args: VllmArgs, request: LaunchRequest) -> list[str]:
    words = ["--dtype", args.dtype, "--load-format", args.loader if args.format == "hf" else "mistral"]
    words += ["--max-model-len", "auto" if args.context_tokens is None else str(args.context_tokens)]
    if args.format == "mistral":
        words += ["--tokenizer-mode", "mistral", "--config-format", "mistral"]
    if args.quantization is not None:
        words += ["--quantization", args.quantization]
    if args.remote_code:
        words.append("--trust-remote-code")
    if args.task != "generate":
        words += ["--runner", "pooling"]
    if args.images or args.architecture.endswith(_MIXED):
        # Else it would measure its memory with the largest pictures and clips that the model could read.
        words += ["--limit-mm-per-prompt", _json({"image": args.images, "video": 0, "audio": 0})]
    if args.eager:
        words.append("--enforce-eager")
    return words


def _memory(args: VllmArgs, request: LaunchRequest, cards: tuple[DeviceShare, ...], parallel: Parallel) -> list[str]:
    words = ["--max-num-seqs", str(request.slots)]
    if request.cache_bytes:
        words += ["--kv-cache-memory-bytes", str(request.cache_bytes // parallel.world)]
    if cards:
        # Not a size but the least that must be free at the start: what was granted, and no more.
        words += ["--gpu-memory-utilization", f"{_share(request, cards):.4f}"]
    if args.cache_dtype != "auto":
        words += ["--kv-cache-dtype", args.cache_dtype]
    if args.batch_tokens is not None:
        words += ["--max-num-batched-tokens", str(args.batch_tokens)]
    if args.queued is not None:
        words += ["--max-num-queued-reqs", str(args.queued)]
    words.append("--enable-prefix-caching" if args.prefix_caching else "--no-enable-prefix-caching")
    return words


def _share(request: LaunchRequest, cards: tuple[DeviceShare, ...]) -> float:
    """The granted part of the card where it is smallest, rounded down."""
    known = [c.bytes / size for c in cards if (size := request.capacities.get(c.device_id)) and c.bytes]
    return max(0.0001, min(int(each * 10_000) / 10_000 for each in (*known, _FULL)))


def _parallel(args: VllmArgs, parallel: Parallel) -> list[str]:
    words: list[str] = []
    if parallel.tensor > 1:
        words += ["--tensor-parallel-size", str(parallel.tensor)]
    if parallel.pipeline > 1:
        words += ["--pipeline-parallel-size", str(parallel.pipeline)]
    if parallel.world > 1:
        words += ["--distributed-executor-backend", "mp"]
        if args.expert_parallel:
            words.append("--enable-expert-parallel")
    return words


def _chat(args: VllmArgs) -> list[str]:
    words: list[str] = []
    if args.tool_parser is not None:
        words += ["--enable-auto-tool-choice", "--tool-call-parser", args.tool_parser]
    if args.reasoning_parser is not None:
        words += ["--reasoning-parser", args.reasoning_parser]
    if args.template is not None:
        words += ["--chat-template", str(template_path(args.template))]
    if args.task == "generate":
        # Together with the switch in the environment: forced calls keep to their schema, without endless spaces.
        config = {"backend": "xgrammar", "disable_any_whitespace": True}
        words += ["--structured-outputs-config", _json(config)]
    return words


def template_path(name: str) -> Path:
    """A chat template of ours; it may not exist."""
    return _TEMPLATES / f"{name}.jinja"


def _speculation(speculation: Speculation | None, request: LaunchRequest) -> list[str]:
    if speculation is None:
        return []
    config: dict[str, str | int] = {"method": speculation.method, "num_speculative_tokens": speculation.tokens}
    if speculation.draft is not None:
        config["model"] = str(_part(request, speculation.draft))
    if speculation.longest_match is not None:
        config["prompt_lookup_max"] = speculation.longest_match
    return ["--speculative-config", _json(config)]


def _loras(args: VllmArgs, request: LaunchRequest) -> list[str]:
    if not args.loras:
        return []
    modules = [_json({"name": f"{request.served_name}:{name}", "path": str(_part(request, name))})
               for name in args.loras]  # fmt: skip
    count = str(len(args.loras))
    return ["--enable-lora", "--max-lora-rank", str(args.lora_rank), "--max-loras", count, "--lora-modules", *modules]


def _part(request: LaunchRequest, name: str) -> Path:
    part = request.parts.get(name)
    if part is None:
        raise BackendError(Cause.LOAD_FAILED, f"the variant has no part {name!r}")
    return part if part.is_dir() else part.parent


def _canary(args: VllmArgs, request: LaunchRequest) -> Canary:
    match args.task:
        case "generate":
            path, body = "/v1/completions", {"model": request.served_name, "prompt": "a", "max_tokens": 1}
        case "embed":
            path, body = "/v1/embeddings", {"model": request.served_name, "input": "a"}
        case "rerank":
            path, body = "/v1/rerank", {"model": request.served_name, "query": "a", "documents": ["a"]}
    post = Post(path=path, body=msgspec.json.encode(body), seconds=_CANARY_SECONDS)
    return Canary(post=post, heartbeat=_HEARTBEAT)


def _environment(
    request: LaunchRequest, python: Path, cards: tuple[DeviceShare, ...], runtime: str, *, dev: bool
) -> dict[str, str]:
    # What is compiled for a card and a model takes longer than loading it: kept from one start to the next.
    kept = request.cache_dir or request.run_dir
    environment = {
        "PATH": os.pathsep.join((str(python.parent), os.defpath)),
        "LANG": "C.UTF-8",
        "HOME": str(kept),
        "XDG_CACHE_HOME": str(kept),
        "VLLM_CACHE_ROOT": str(kept / "vllm"),
        "VLLM_RPC_BASE_PATH": str(request.run_dir),
        "TMPDIR": str(request.run_dir),
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_ENFORCE_STRICT_TOOL_CALLING": "0",
        "VLLM_HOST_IP": "127.0.0.1",
        # Its own limit is ten minutes; the supervisor has the profile's, and the largest models take longer.
        "VLLM_ENGINE_READY_TIMEOUT_S": str(_READY_SECONDS),
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": ",".join(share.device_id for share in cards),
    }
    if dev:
        # Opens the routes of sleep and others that are worse, on a socket that is the gateway's alone.
        environment["VLLM_SERVER_DEV_MODE"] = "1"
    if runtime == "vllm_cpu":
        environment["VLLM_TARGET_DEVICE"] = "cpu"
    return environment


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
