"""The computed footprint against what llama.cpp itself says after a load: weights, cache and computation within 3 %."""

import random
import re
import string
import subprocess
import tempfile
from pathlib import Path

import msgspec
import pytest

from backends.llama_cpp.args import LlamaCppArgs
from backends.llama_cpp.config import WorkerConfig, WorkerRuntime
from backends.llama_cpp.footprint import context_of, weight_terms
from backends.weights.architecture import from_header
from backends.weights.gguf import read_header
from backends.weights.kv import compute_bytes, kv_bytes
from backends.weights.term import total
from tests.fakes.gguf_file import Shape, write_model
from tests.llama_cpp_fixtures import ROOT, RUNTIMES, Worker, python_of, running, weights

__all__ = ["weights"]
pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

MIB = 1 << 20
_LINE = re.compile(r"(model|KV|RS|compute|output) buffer size =\s+([\d.]+) MiB")
_OVERRIDDEN = re.compile(r"tensor (blk\.\d+\.ffn_\w+_exps)\.weight .* overridden to CPU")
SIZES = [(2048, 1), (8192, 4), (32768, 8)]


def said(runtime: WorkerRuntime, model: Path, args: LlamaCppArgs, split: tuple[float, ...] = ()) -> str:
    """The log of a load."""
    with tempfile.TemporaryDirectory(prefix="fbf") as folder:
        config = WorkerConfig(
            model=str(model), socket=f"{folder}/s.sock", served_name="x", runtime=runtime,
            slots=args.slots, context_tokens=args.context_tokens, args=args, tensor_split=split,
        )  # fmt: skip
        path = Path(folder) / "worker.json"
        path.write_bytes(msgspec.json.encode(config))
        script = str(Path(__file__).with_name("llama_cpp_buffers.py"))
        command = [str(python_of(runtime)), script, runtime, str(path)]
        done = subprocess.run(
            command, env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}, check=False,
            capture_output=True, text=True, errors="replace", timeout=120,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


def held(log: str) -> dict[str, int]:
    """Bytes by kind of buffer."""
    found: dict[str, int] = {}
    for kind, mib in _LINE.findall(log):
        found[kind] = found.get(kind, 0) + int(float(mib) * MIB)
    return found


def predicted(runtime: str, model: Path, args: LlamaCppArgs) -> dict[str, int]:
    header = read_header(model)
    shape, context = from_header(header), context_of(args, runtime)
    everything = weight_terms((header,), args.n_cpu_moe)
    return {
        "model": total(everything) + total(everything, on_host=True),
        "KV": kv_bytes(shape, context),
        "compute": compute_bytes(shape, context),
    }


def compare(runtime: WorkerRuntime, model: Path, args: LlamaCppArgs) -> float:
    """The ratio of predicted to reported, printed part by part."""
    ours, theirs = predicted(runtime, model, args), held(said(runtime, model, args))
    theirs["compute"] += theirs.pop("output")
    parts = ", ".join(f"{kind} {ours[kind] / MIB:.2f} / {theirs[kind] / MIB:.2f}" for kind in ours)
    ratio = sum(ours.values()) / sum(theirs.values())
    print(
        f"\n{runtime} {model.stem} {args.context_tokens} x {args.slots}: predicted / reported MiB: {parts}; {ratio:.4f}"
    )
    assert ours["model"] == pytest.approx(theirs["model"], rel=0.001)
    assert ours["KV"] == pytest.approx(theirs["KV"], rel=0.001)
    return ratio


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("context", "slots"), SIZES)
@pytest.mark.parametrize("embeddings", [True, False])
def test_smollm2(runtime, context, slots, embeddings, weights):
    args = LlamaCppArgs(context_tokens=context, slots=slots, embeddings=embeddings)
    assert compare(runtime, weights, args) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    "args",
    [
        LlamaCppArgs(context_tokens=8192, slots=2, cache_type_k="q8_0", cache_type_v="q8_0", embeddings=False),
        LlamaCppArgs(context_tokens=8192, slots=2, batch_tokens=2048, embeddings=False),
    ],
    ids=["cache in 8 bits", "large batches"],
)
def test_smollm2_with_other_arguments(runtime, args, weights):
    assert compare(runtime, weights, args) == pytest.approx(1, abs=0.03)


SHAPES = {
    "windows": Shape(architecture="gemma3", layers=12, kv_heads=1, feed=2048, window=512, vocabulary=8192),
    "experts": Shape(architecture="qwen3moe", layers=4, hidden=512, feed=256, experts=16, experts_used=4),
    "wide heads": Shape(architecture="qwen3", hidden=512, heads=16, head=128, kv_heads=8, feed=2048),
}


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("context", "slots"), SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_other_architectures(runtime, context, slots, shape, tmp_path):
    model = write_model(tmp_path / f"{shape}.gguf", SHAPES[shape])
    args = LlamaCppArgs(context_tokens=context, slots=slots)
    assert compare(runtime, model, args) == pytest.approx(1, abs=0.03)


def test_the_experts_of_the_first_layers_are_overridden_by_name(tmp_path):
    model = write_model(tmp_path / "moe.gguf", Shape(layers=12, experts=4, feed=256))
    for layers in (0, 2, 12):
        log = said("llama_cpp_python", model, LlamaCppArgs(n_cpu_moe=layers, mmap=False))
        names = {f"blk.{layer}.ffn_{part}_exps" for layer in range(layers) for part in ("up", "down", "gate")}
        assert set(_OVERRIDDEN.findall(log)) == names


def test_the_server_takes_the_overrides_and_a_split(tmp_path):
    model = write_model(tmp_path / "moe.gguf", Shape(layers=4, experts=4, feed=256))
    log = said("xllamacpp", model, LlamaCppArgs(n_cpu_moe=2), split=(0.75, 0.25))
    assert "tensor overrides to CPU are used" in log
    assert "tensor overrides" not in said("xllamacpp", model, LlamaCppArgs())


def test_a_split_is_taken_where_there_is_nothing_to_split(tmp_path):
    model = write_model(tmp_path / "small.gguf", Shape())
    assert held(said("llama_cpp_python", model, LlamaCppArgs(), split=(0.75, 0.25))).keys() >= {"model", "KV"}


async def test_the_worker_reports_the_same(weights):
    args = LlamaCppArgs(context_tokens=4096, slots=2)
    with running("llama_cpp_python", weights, args=args) as worker:
        props = (await worker.get("/props")).json()
        ours = sum(predicted("llama_cpp_python", weights, args).values())
        assert props["buffer_bytes"] == pytest.approx(ours, rel=0.03)
        assert props["device_bytes"] == 0, "the wheels of the tests know no cards"


async def test_what_a_small_window_has_dropped_is_computed_again(tmp_path):
    shape = Shape(architecture="gemma3", layers=6, kv_heads=1, window=256)
    model = write_model(tmp_path / "windows.gguf", shape, seed=3)
    letters = random.Random(1)
    long, end = ("".join(letters.choice(string.ascii_lowercase) for _ in range(count)) for count in (900, 300))

    async def scores(worker: Worker, prompt: str) -> tuple[list[float], int]:
        body = {"model": "m", "prompt": prompt, "max_tokens": 3, "temperature": 0, "logprobs": 1}
        answer = (await worker.post("/v1/completions", body)).json()
        cached = answer["usage"]["prompt_tokens_details"]["cached_tokens"]
        return answer["choices"][0]["logprobs"]["token_logprobs"], cached

    args = LlamaCppArgs(context_tokens=2048, slots=1)
    with running("llama_cpp_python", model, args=args) as worker:
        fresh, _ = await scores(worker, long[:400] + end)
        assert (await scores(worker, "z" + long + end))[1] < 10
        assert (await scores(worker, "z" + long + end))[1] > 900, "what goes on is not computed again"
        await scores(worker, long + end)
        again, cached = await scores(worker, long[:400] + end)
    assert cached == 0
    assert again == pytest.approx(fresh, abs=0.02)
