"""A worker's command line comes from typed fields only, and its environment is small and without secrets."""

import stat
from pathlib import Path

import msgspec
import pytest

from backends.contract import DeviceShare, LaunchRequest
from backends.errors import BackendError, Cause
from backends.llama_cpp.args import LlamaCppArgs
from backends.llama_cpp.command import plan
from backends.llama_cpp.config import WorkerConfig

PYTHON = Path("/engines/llama_cpp/bin/python")


def request(run_dir: Path, *weights: str, shares: tuple[DeviceShare, ...] = ()) -> LaunchRequest:
    return LaunchRequest(
        variant_id="smol:q4",
        served_name="smol",
        weights=tuple(Path(name) for name in weights),
        shares=shares,
        run_dir=run_dir,
        slots=4,
        context_tokens=8192,
    )


def test_the_command_names_a_private_file_that_holds_the_settings(tmp_path: Path) -> None:
    args = LlamaCppArgs(slots=2, batch_tokens=256)
    launch = plan(args, request(tmp_path, "/w/model.gguf"), PYTHON, "xllamacpp")
    assert launch.argv[:4] == (str(PYTHON), "-P", "-m", "backends.llama_cpp.worker")
    path = Path(launch.argv[-1])
    assert path.parent == launch.cwd == tmp_path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    config = msgspec.json.decode(path.read_bytes(), type=WorkerConfig)
    assert config == WorkerConfig(
        model="/w/model.gguf",
        socket=str(launch.socket),
        served_name="smol",
        runtime="xllamacpp",
        slots=4,
        context_tokens=8192,
        args=args,
    )
    assert config.slot_context == 2048
    assert config.threads == 0
    assert launch.stop_grace > config.drain_seconds


def test_the_environment_is_whole_and_holds_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    environment = plan(LlamaCppArgs(), request(tmp_path, "/w/m.gguf"), PYTHON, "llama_cpp_python").env
    assert environment.pop("PATH").split(":")[0] == str(PYTHON.parent)
    assert environment == {
        "LANG": "C.UTF-8",
        "HF_HUB_OFFLINE": "1",
        "GGML_NO_BACKTRACE": "1",
        "OMP_WAIT_POLICY": "passive",
        "GOMP_SPINCOUNT": "10000",
        "CUDA_VISIBLE_DEVICES": "",
    }


def test_threads_policy_and_devices_reach_the_environment(tmp_path: Path) -> None:
    shares = (DeviceShare("GPU-a", 1), DeviceShare("cpu", 1), DeviceShare("GPU-b", 1))
    args = LlamaCppArgs(threads=3, omp_wait_policy="active")
    environment = plan(args, request(tmp_path, "/w/m.gguf", shares=shares), PYTHON, "xllamacpp").env
    assert environment["CUDA_VISIBLE_DEVICES"] == "GPU-a,GPU-b"
    assert environment["OMP_NUM_THREADS"] == "3"
    assert environment["OMP_WAIT_POLICY"] == "active"
    assert "GOMP_SPINCOUNT" not in environment


@pytest.mark.parametrize(
    ("shares", "split"),
    [
        ((), ()),
        ((DeviceShare("GPU-a", 5),), ()),
        ((DeviceShare("GPU-a", 5), DeviceShare("cpu", 9)), ()),
        ((DeviceShare("GPU-a", 3), DeviceShare("cpu", 9), DeviceShare("GPU-b", 1)), (0.75, 0.25)),
        ((DeviceShare("GPU-a", 0), DeviceShare("GPU-b", 0)), ()),
    ],
)
def test_a_model_is_spread_by_what_was_granted_on_each_card(tmp_path: Path, shares, split) -> None:
    launch = plan(LlamaCppArgs(), request(tmp_path, "/w/m.gguf", shares=shares), PYTHON, "xllamacpp")
    assert msgspec.json.decode(Path(launch.argv[-1]).read_bytes(), type=WorkerConfig).tensor_split == split


def test_of_a_model_in_parts_the_first_is_named(tmp_path: Path) -> None:
    weights = ("/w/m-00002-of-00002.gguf", "/w/LICENSE", "/w/m-00001-of-00002.gguf")
    launch = plan(LlamaCppArgs(), request(tmp_path, *weights), PYTHON, "xllamacpp")
    config = msgspec.json.decode(Path(launch.argv[-1]).read_bytes(), type=WorkerConfig)
    assert config.model == "/w/m-00001-of-00002.gguf"


@pytest.mark.parametrize(("weights", "runtime"), [((), "xllamacpp"), (("/w/m.gguf",), "ollama")])
def test_what_cannot_be_started_is_said(tmp_path: Path, weights: tuple[str, ...], runtime: str) -> None:
    with pytest.raises(BackendError) as caught:
        plan(LlamaCppArgs(), request(tmp_path, *weights), PYTHON, runtime)
    assert caught.value.cause is Cause.LOAD_FAILED
