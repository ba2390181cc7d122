"""From a variant to vLLM's command line: typed fields only, memory in bytes, nothing of the gateway's environment."""

import json
from pathlib import Path

import pytest

from backends.contract import DeviceShare, LaunchPlan, LaunchRequest
from backends.errors import BackendError, Cause
from backends.vllm.args import Speculation, VllmArgs
from backends.vllm.command import plan, template_path

PYTHON = Path("/env/bin/python")
GIB = 1 << 30


def args(**fields: object) -> VllmArgs:
    return VllmArgs(**({"architecture": "Qwen3ForCausalLM"} | fields))  # type: ignore[arg-type]


def request(tmp_path: Path, **fields: object) -> LaunchRequest:
    given = {
        "variant_id": "m:v", "served_name": "m", "weights": (), "folder": tmp_path / "weights", "shares": (),
        "run_dir": tmp_path, "slots": 16, "context_tokens": 0, "cache_bytes": 8 * GIB,
    }  # fmt: skip
    return LaunchRequest(**(given | fields))  # type: ignore[arg-type]


def launched(tmp_path: Path, made: VllmArgs, runtime: str = "vllm", **fields: object) -> LaunchPlan:
    return plan(made, request(tmp_path, **fields), PYTHON, runtime)


def value(launch: LaunchPlan, flag: str) -> str | None:
    """What follows ``flag``; ``None`` when it is not there."""
    return launch.argv[launch.argv.index(flag) + 1] if flag in launch.argv else None


def cards(*sizes: int) -> tuple[DeviceShare, ...]:
    return tuple(DeviceShare(f"GPU-{i}", size) for i, size in enumerate(sizes))


def test_it_serves_the_folder_on_a_private_socket_under_the_profiles_name(tmp_path: Path) -> None:
    launch = launched(tmp_path, args())
    assert launch.argv[:6] == (
        "/env/bin/python", "-P", "-m", "vllm.entrypoints.cli.main", "serve", str(tmp_path / "weights"),
    )  # fmt: skip
    assert value(launch, "--uds") == str(launch.socket) == str(tmp_path / "engine.sock")
    assert value(launch, "--served-model-name") == "m"
    assert value(launch, "--max-num-seqs") == "16"
    assert not {"--host", "--port", "--api-key", "--trust-remote-code", "--quantization"} & set(launch.argv)


@pytest.mark.parametrize(("context", "word"), [(None, "auto"), (32768, "32768")])
def test_the_context_is_the_profiles_or_what_the_memory_allows(tmp_path: Path, context: int | None, word: str) -> None:
    assert value(launched(tmp_path, args(context_tokens=context)), "--max-model-len") == word


def test_two_engines_on_one_card_get_their_shares_in_bytes(tmp_path: Path) -> None:
    sizes = {"GPU-0": 80 * GIB}
    one = launched(tmp_path, args(), shares=cards(50 * GIB), capacities=sizes, cache_bytes=20 * GIB)
    other = launched(tmp_path, args(), shares=cards(28 * GIB), capacities=sizes, cache_bytes=4 * GIB)
    assert value(one, "--kv-cache-memory-bytes") == str(20 * GIB)
    assert value(other, "--kv-cache-memory-bytes") == str(4 * GIB)
    both = [float(value(launch, "--gpu-memory-utilization") or 0) for launch in (one, other)]
    assert both == [0.625, 0.35]
    assert one.env["CUDA_VISIBLE_DEVICES"] == "GPU-0"


def test_a_split_model_has_its_cache_in_equal_parts(tmp_path: Path) -> None:
    made = args(expert_parallel=True, pipeline=2)
    sizes = {f"GPU-{i}": 100 * GIB for i in range(4)}
    launch = launched(tmp_path, made, shares=cards(*[60 * GIB] * 4), capacities=sizes)
    assert (value(launch, "--tensor-parallel-size"), value(launch, "--pipeline-parallel-size")) == ("2", "2")
    assert value(launch, "--kv-cache-memory-bytes") == str(2 * GIB)
    assert value(launch, "--distributed-executor-backend") == "mp"
    assert "--enable-expert-parallel" in launch.argv
    assert launch.env["CUDA_VISIBLE_DEVICES"] == "GPU-0,GPU-1,GPU-2,GPU-3"
    assert float(value(launch, "--gpu-memory-utilization") or 0) == 0.6


def test_cards_that_cannot_be_split_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="3 cards cannot be split into 2"):
        launched(tmp_path, args(pipeline=2), shares=cards(1, 1, 1))


def test_without_a_card_there_is_no_share_of_one(tmp_path: Path) -> None:
    launch = launched(tmp_path, args(sleeps=True), "vllm_cpu", shares=(DeviceShare("cpu", 9 * GIB),))
    assert value(launch, "--gpu-memory-utilization") is None
    assert value(launch, "--kv-cache-memory-bytes") == str(8 * GIB)
    assert launch.env["CUDA_VISIBLE_DEVICES"] == ""
    assert "--enable-sleep-mode" not in launch.argv, "refused there"
    assert [post.path for post in (*launch.sleep, *launch.wake)] == ["/sleep?level=1", "/wake_up"]
    assert launch.deep_sleep == launch.deep_wake == ()


def test_it_sleeps_at_two_depths_where_it_may(tmp_path: Path) -> None:
    launch = launched(tmp_path, args(sleeps=True), shares=cards(GIB))
    assert "--enable-sleep-mode" in launch.argv
    assert launch.env["VLLM_SERVER_DEV_MODE"] == "1"
    assert [post.path for post in launch.deep_wake] == [
        "/wake_up?tags=weights", "/collective_rpc", "/wake_up?tags=kv_cache",
    ]  # fmt: skip
    assert json.loads(launch.deep_wake[1].body) == {"method": "reload_weights"}
    awake = launched(tmp_path, args(), shares=cards(GIB))
    assert "--enable-sleep-mode" not in awake.argv
    assert "VLLM_SERVER_DEV_MODE" not in awake.env, "its routes could do more than sleep"
    assert awake.sleep == ()


def test_parsers_and_a_template_of_ours(tmp_path: Path) -> None:
    made = args(tool_parser="qwen3_coder", reasoning_parser="qwen3", template="deepseek_v31")
    launch = launched(tmp_path, made)
    assert value(launch, "--tool-call-parser") == "qwen3_coder"
    assert "--enable-auto-tool-choice" in launch.argv
    assert value(launch, "--reasoning-parser") == "qwen3"
    assert value(launch, "--chat-template") == str(template_path("deepseek_v31"))
    assert json.loads(value(launch, "--structured-outputs-config") or "")["disable_any_whitespace"] is True
    plain = launched(tmp_path, args())
    assert not {"--enable-auto-tool-choice", "--reasoning-parser", "--chat-template"} & set(plain.argv)


def test_adapters_and_a_model_that_guesses_come_from_parts(tmp_path: Path) -> None:
    (tmp_path / "draft").mkdir()
    adapter = tmp_path / "sql" / "adapter_model.safetensors"
    parts = {"draft": tmp_path / "draft", "sql": adapter}
    guess = Speculation(method="eagle3", tokens=3, draft="draft")
    launch = launched(tmp_path, args(loras=("sql",), lora_rank=32, speculation=guess), parts=parts)
    assert json.loads(value(launch, "--lora-modules") or "") == {"name": "m:sql", "path": str(adapter.parent)}
    assert (value(launch, "--max-lora-rank"), value(launch, "--max-loras")) == ("32", "1")
    assert json.loads(value(launch, "--speculative-config") or "") == {
        "method": "eagle3", "num_speculative_tokens": 3, "model": str(tmp_path / "draft"),
    }  # fmt: skip
    ngram = launched(tmp_path, args(speculation=Speculation(method="ngram", tokens=4, longest_match=3)))
    assert json.loads(value(ngram, "--speculative-config") or "")["prompt_lookup_max"] == 3
    with pytest.raises(BackendError, match="no part 'sql'"):
        launched(tmp_path, args(loras=("sql",)))


def test_a_makers_own_format_and_pictures(tmp_path: Path) -> None:
    launch = launched(tmp_path, args(format="mistral", images=4, remote_code=True, eager=True, quantization="awq"))
    for flag in ("--tokenizer-mode", "--config-format", "--load-format"):
        assert value(launch, flag) == "mistral"
    assert json.loads(value(launch, "--limit-mm-per-prompt") or "") == {"image": 4, "video": 0, "audio": 0}
    assert {"--trust-remote-code", "--enforce-eager"} <= set(launch.argv)
    assert value(launch, "--quantization") == "awq"


def test_a_class_that_could_see_is_told_that_it_will_not(tmp_path: Path) -> None:
    launch = launched(tmp_path, args(architecture="Gemma3ForConditionalGeneration"))
    assert json.loads(value(launch, "--limit-mm-per-prompt") or "") == {"image": 0, "video": 0, "audio": 0}
    assert value(launched(tmp_path, args()), "--limit-mm-per-prompt") is None


@pytest.mark.parametrize(
    ("task", "path", "asks"),
    [
        ("generate", "/v1/completions", "prompt"),
        ("embed", "/v1/embeddings", "input"),
        ("rerank", "/v1/rerank", "query"),
    ],
)
def test_the_canary_is_work_of_its_kind(tmp_path: Path, task: str, path: str, asks: str) -> None:
    launch = launched(tmp_path, args(task=task))
    assert launch.canary is not None
    assert launch.canary.post.path == path
    assert asks in json.loads(launch.canary.post.body)
    assert (value(launch, "--runner") == "pooling") is (task != "generate")


def test_its_environment_is_its_own_and_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    launch = launched(tmp_path, args(), cache_dir=tmp_path / "kept")
    assert launch.env["HF_HUB_OFFLINE"] == launch.env["VLLM_NO_USAGE_STATS"] == "1"
    assert "s3cret" not in launch.env.values()
    assert launch.env["VLLM_CACHE_ROOT"].startswith(str(tmp_path / "kept")), "compiled kernels outlive a start"
    assert launch.env["TMPDIR"] == str(tmp_path), "sockets between its processes lie in the private folder"
    assert int(launch.env["VLLM_ENGINE_READY_TIMEOUT_S"]) > 3600, "how long a start may take is the profile's to say"


def test_no_folder_no_engine(tmp_path: Path) -> None:
    with pytest.raises(BackendError) as caught:
        launched(tmp_path, args(), folder=None)
    assert caught.value.cause is Cause.LOAD_FAILED
