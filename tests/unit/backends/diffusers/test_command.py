"""From a variant to a worker's command line: typed fields only, nothing of the gateway's environment."""

from pathlib import Path

import msgspec
import pytest

from backends.contract import DeviceShare, LaunchRequest
from backends.diffusers.args import DiffusersArgs, MagCache
from backends.diffusers.command import can_sleep, plan
from backends.diffusers.config import WorkerConfig
from backends.errors import BackendError, Cause

ARGS = DiffusersArgs(pipelines={"generate": "FluxPipeline"})
PYTHON = Path("/env/bin/python")


def request(tmp_path: Path, **fields: object) -> LaunchRequest:
    given = {
        "variant_id": "m:v", "served_name": "m", "weights": (), "folder": tmp_path / "weights", "shares": (),
        "run_dir": tmp_path, "slots": 1, "context_tokens": 0, "steps": 28, "guidance": 3.5,
    }  # fmt: skip
    return LaunchRequest(**(given | fields))  # type: ignore[arg-type]


def config_of(tmp_path: Path) -> WorkerConfig:
    return msgspec.json.decode((tmp_path / "worker.json").read_bytes(), type=WorkerConfig)


def test_the_worker_is_told_everything_in_a_file_of_its_own(tmp_path: Path) -> None:
    parts = {"lora": tmp_path / "lora"}
    launch = plan(ARGS, request(tmp_path, parts=parts), PYTHON)
    assert launch.argv == (
        "/env/bin/python", "-P", "-m", "backends.diffusers.worker", "--config", str(tmp_path / "worker.json"),
    )  # fmt: skip
    config = config_of(tmp_path)
    assert (config.device, config.steps, config.guidance) == ("cpu", 28, 3.5)
    assert config.folder == str(tmp_path / "weights")
    assert config.parts == {"lora": str(tmp_path / "lora")}
    assert config.args == ARGS
    assert (tmp_path / "worker.json").stat().st_mode & 0o777 == 0o600
    assert [post.path for post in (*launch.sleep, *launch.wake)] == ["/offload", "/onload"]


def test_a_variants_own_steps_win_and_cards_are_named(tmp_path: Path) -> None:
    args = msgspec.structs.replace(ARGS, steps=4, guidance=0.0, threads=3)
    shares = (DeviceShare("GPU-1", 5), DeviceShare("cpu", 5))
    launch = plan(args, request(tmp_path, shares=shares), PYTHON)
    config = config_of(tmp_path)
    assert (config.device, config.steps, config.guidance) == ("cuda", 4, 0.0)
    assert (launch.env["CUDA_VISIBLE_DEVICES"], launch.env["OMP_NUM_THREADS"]) == ("GPU-1", "3")


def test_its_environment_is_minimal_and_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    launch = plan(ARGS, request(tmp_path), PYTHON)
    assert launch.env["HF_HUB_OFFLINE"] == "1"
    assert launch.env["DIFFUSERS_TRUST_REMOTE_KERNELS"] == "false"
    assert "s3cret" not in launch.env.values()
    assert launch.env["HOME"] == str(tmp_path)


def test_what_is_compiled_is_kept_for_the_next_start(tmp_path: Path) -> None:
    assert "TORCHINDUCTOR_CACHE_DIR" not in plan(ARGS, request(tmp_path), PYTHON).env
    launch = plan(msgspec.structs.replace(ARGS, compile=True), request(tmp_path), PYTHON)
    kept = (Path(launch.env["TORCHINDUCTOR_CACHE_DIR"]), Path(launch.env["TRITON_CACHE_DIR"]))
    assert kept[0] != kept[1]
    assert not any(folder.is_relative_to(tmp_path) for folder in kept)


def test_one_file_is_named_and_a_folder_is_needed(tmp_path: Path) -> None:
    single = msgspec.structs.replace(ARGS, single_file=True)
    plan(single, request(tmp_path, weights=(tmp_path / "m.safetensors",)), PYTHON)
    assert config_of(tmp_path).folder == str(tmp_path / "m.safetensors")
    with pytest.raises(BackendError) as caught:
        plan(ARGS, request(tmp_path, folder=None), PYTHON)
    assert caught.value.cause is Cause.LOAD_FAILED


@pytest.mark.parametrize(
    ("change", "able"),
    [
        ({}, True),
        ({"quantise": {"transformer": "fp8_layerwise"}}, True),
        ({"cache": MagCache(ratios=(1.0,))}, True),
        ({"quantise": {"transformer": "nf4"}}, False),
        ({"offload": "model"}, False),
        ({"compile": True}, False),
    ],
)
def test_who_can_move_to_host_ram_and_back(tmp_path: Path, change: dict[str, object], able: bool) -> None:
    args = msgspec.structs.replace(ARGS, **change)
    assert can_sleep(args) is able
    assert bool(plan(args, request(tmp_path), PYTHON).sleep) is able
