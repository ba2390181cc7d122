"""Which code stands behind an engine's arguments, and what is said when it is not installed."""

from pathlib import Path

import msgspec
import pytest

from backends.contract import LaunchRequest
from backends.environments.environments import Environments
from backends.errors import BackendError, Cause
from backends.external.args import ExternalArgs
from backends.http.relay import HttpBackend
from backends.llama_cpp.args import LlamaCppArgs
from backends.llama_cpp.config import WorkerConfig
from backends.registry import backend_of, missing_engine, plan_of, runtime_of, thoughts_renamed
from backends.vllm.args import VllmArgs

PYTHON = Path("/environments/llama/bin/python")


class Installed(Environments):
    """Environments of which some are there."""

    def __init__(self, *runtimes: str) -> None:
        super().__init__(Path("/environments"))
        self._runtimes = runtimes

    def python(self, engine: str, runtime: str = "auto") -> Path | None:
        return PYTHON if engine == "llama_cpp" and runtime in self._runtimes else None


@pytest.fixture
def request_here(tmp_path: Path) -> LaunchRequest:
    return LaunchRequest(
        variant_id="m:q8", served_name="m", weights=(tmp_path / "m.gguf",), shares=(), run_dir=tmp_path,
        slots=2, context_tokens=512,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("installed", "asked", "runs"),
    [
        (("llama_cpp_python",), "auto", "llama_cpp_python"),
        (("xllamacpp",), "auto", "xllamacpp"),
        (("llama_cpp_python", "xllamacpp"), "auto", "llama_cpp_python"),
        (("llama_cpp_python", "xllamacpp"), "xllamacpp", "xllamacpp"),
    ],
)
def test_auto_is_the_best_that_is_installed(
    installed: tuple[str, ...], asked: str, runs: str, request_here: LaunchRequest
) -> None:
    args = msgspec.convert({"kind": "llama_cpp", "runtime": asked}, LlamaCppArgs)
    made = plan_of(args, request_here, Installed(*installed))
    assert made.argv[0] == str(PYTHON)
    config = msgspec.json.decode(Path(made.argv[-1]).read_bytes(), type=WorkerConfig)
    assert (config.runtime, config.slots, config.context_tokens) == (runs, 2, 512)
    assert missing_engine(args, Installed(*installed)) is None
    assert runtime_of(args, Installed(*installed)) == runs
    assert runtime_of(args, Installed()) == runtime_of(ExternalArgs(), Installed(*installed)) == ""


@pytest.mark.parametrize("asked", ["auto", "llama_cpp_python"])
def test_what_is_not_installed_is_said_with_the_command_that_does_it(asked: str, request_here: LaunchRequest) -> None:
    args = msgspec.convert({"kind": "llama_cpp", "runtime": asked}, LlamaCppArgs)
    there = Installed() if asked == "auto" else Installed("xllamacpp")
    missing = missing_engine(args, there)
    assert missing is not None
    with pytest.raises(BackendError) as caught:
        plan_of(args, request_here, there)
    for error in (missing, caught.value):
        assert (error.cause, error.code) == (Cause.LOAD_FAILED, "engine_missing")
        assert "forebay engines install llama_cpp" in error.detail


def test_an_external_engine_needs_no_environment(request_here: LaunchRequest) -> None:
    args = ExternalArgs(command=("serve", "{name}"))
    assert missing_engine(args, Installed()) is None
    assert plan_of(args, request_here, Installed()).argv == ("serve", "m")


@pytest.mark.parametrize("args", [ExternalArgs(command=("serve",)), LlamaCppArgs()], ids=["external", "llama_cpp"])
async def test_a_backend_is_named_after_its_kind(
    args: ExternalArgs | LlamaCppArgs, request_here: LaunchRequest
) -> None:
    made = plan_of(args, request_here, Installed("llama_cpp_python"))
    backend = backend_of(args, made)
    assert isinstance(backend, HttpBackend)
    assert backend.name == {ExternalArgs: "external", LlamaCppArgs: "llama_cpp"}[type(args)]
    health = await backend.health()
    assert not health.ready, "nobody listens on its socket"
    await backend.aclose()


@pytest.mark.parametrize(
    ("args", "renamed"),
    [
        (VllmArgs(architecture="A", reasoning_parser="qwen3"), True),
        (VllmArgs(architecture="A"), False),
        (ExternalArgs(url="http://127.0.0.1:1", thoughts="reasoning"), True),
        (ExternalArgs(url="http://127.0.0.1:1"), False),
        (LlamaCppArgs(context_tokens=64), False),
    ],
)
def test_whose_thoughts_have_another_name(args, renamed):
    assert (thoughts_renamed(args) is not None) == renamed
