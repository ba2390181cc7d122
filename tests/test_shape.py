"""The house's rules, held by reading the sources. Each failure names the file and says what to do about it."""

import ast
import re
import statistics
import subprocess
import sys

import pytest

from tests.tree import ROOT, parsed, scopes, sources, text, tracked

HERE = "tests/test_shape.py"
MOST_LINES = 300
MOST_LINES_OF_TESTS = 340
MEDIAN_LINES = 130

LONG_TESTS = {
    "tests/faults/test_process.py",
}
"""Suites of one subject that were past 300 lines when the rule was made. The list only gets shorter."""

BROAD_EXCEPTS = {
    "gateway/http/edge.py": "the exception handler: a defect becomes a 500 of our own shape",
    "gateway/scheduling/engine_tasks.py": "the run loop: one broken load must not leave its waiters hanging",
}
"""Where `except Exception` may stand, at most three. Each is commented in place."""

UNTYPED = {
    ("gateway/http/listener.py", "HardenedProtocol.__init__"): "the signature is uvicorn's",
    ("gateway/http/scope.py", "http_scope"): "the state of an ASGI scope is uvicorn's",
}
"""Public signatures that may say `dict[str, Any]`."""

SLEEPS = {
    "tests/faults/test_drain_with_jobs.py": "looks at another process until it is as far",
    "tests/faults/test_killed_with_cloud_jobs.py": "looks at another process until it is as far",
    "tests/fakes/engine_control.py": "polls for a socket of another process, with a deadline",
    "tests/faults/test_killed_with_jobs.py": "looks at another process until it is as far",
    "tests/integration/test_clips_make_way.py": "outlives a round of looks in which nothing must happen",
    "tests/faults/test_two_gateways.py": "looks at other processes until they are as far",
    "tests/contract/test_llama_cpp_process.py": "polls for a socket of a real process, under the test's deadline",
    "tests/fakes/engine.py": "the fake engine's ordered delays: slowness is what it fakes",
    "tests/fakes/gateway.py": "polls a condition of the whole gateway, with a deadline",
    "tests/fakes/gateway_process.py": "polls a process and its gateway, with a deadline",
    "tests/faults/test_process.py": "polls the process table, with a deadline",
    "tests/vllm/serving.py": "looks at processes of a real engine until they are as far, with a deadline",
    "tests/worker_processes.py": "polls for a socket of a real process, with a deadline",
    "tests/fakes/picture_worker.py": "another process waits for a file, with a deadline",
    "tests/security/test_framing.py": "polls a gauge with a deadline; outlives a deadline that must not fire",
}
"""Tests that may sleep, and why that is not synchronisation by luck."""

TOP_LEVEL = {
    *(".ci", ".gitignore", ".dockerignore", "LICENSE", "Makefile", "pyproject.toml", "requirements"),
    *("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
    *("gateway", "backends", "model_profiles", "deploy", "k8s", "docs", "tests", "bench", "tools"),
}

HEAVY = ("torch", "vllm", "diffusers", "llama_cpp", "xllamacpp", "transformers", "numpy")


def lines(path: str) -> int:
    return len(text(path).splitlines())


def test_a_file_is_a_small_room():
    allowed = {path: MOST_LINES_OF_TESTS if path in LONG_TESTS else MOST_LINES for path in sources()}
    long = {path: lines(path) for path, most in allowed.items() if lines(path) > most}
    assert not long, "past that length it is two files"


def test_the_list_of_long_tests_names_only_long_ones():
    assert {path for path in sources("tests") if lines(path) > MOST_LINES} == LONG_TESTS


def test_the_median_file_is_small():
    lengths = [lines(path) for path in sources("gateway", "backends") if not path.endswith("__init__.py")]
    assert statistics.median(lengths) <= MEDIAN_LINES


def test_a_module_says_what_it_owns():
    silent = [path for path in sources() if not ast.get_docstring(parsed(path))]
    assert not silent, "the first lines of a file say what it owns and what it never does"


def test_names_are_nouns_of_the_field():
    names = [(path, part) for path in sources() for part in path.removesuffix(".py").split("/")]
    names += [(p, node.name) for p in sources() for node in ast.walk(parsed(p)) if isinstance(node, ast.ClassDef)]
    vague = [(path, name) for path, name in names if re.search(r"(?i)(utils?|helpers?|manager)$", name)]
    assert not vague, "name what it holds or is"


def untyped_signatures(path: str) -> list[str]:
    """Public functions with ``dict[str, Any]`` among their annotations."""
    found = []
    for name, node in scopes(parsed(path)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if any(part.startswith("_") and not part.endswith("__") for part in name.split(".")):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        annotations = [argument.annotation for argument in arguments if argument] + [node.returns]
        shown = " ".join(ast.unparse(annotation) for annotation in annotations if annotation)
        if re.search(r"(?i)\b(dict|mapping)\[str, (typing\.)?Any\]", shown):
            found.append(name)
    return found


def test_what_crosses_a_module_is_typed():
    found = {(path, name) for path in sources("gateway", "backends") for name in untyped_signatures(path)}
    assert found == UNTYPED.keys(), "dict[str, Any] does not cross modules: make it a msgspec.Struct"


def broad_handlers(path: str) -> list[ast.ExceptHandler]:
    """Handlers of everything: bare, ``Exception`` or ``BaseException``, also inside a tuple."""
    found = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler):
            caught = set(re.findall(r"\w+", ast.unparse(node.type))) if node.type else {"BaseException"}
            if caught & {"Exception", "BaseException"}:
                found.append(node)
    return found


def reraises(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.body[-1], ast.Raise) and handler.body[-1].exc is None


def test_everything_is_caught_in_three_named_places_at_most():
    swallowing = {
        path
        for path in sources("gateway", "backends", "tools", "bench")
        for handler in broad_handlers(path)
        if not reraises(handler)
    }
    assert swallowing == BROAD_EXCEPTS.keys()
    assert len(BROAD_EXCEPTS) <= 3


def test_nothing_suppresses_every_exception():
    assert not [path for path in sources() if re.search(r"suppress\((Base)?Exception\)", text(path))]


def sleeps(path: str) -> list[int]:
    """Lines that sleep for a time. ``asyncio.sleep(0)``, which only lets others run, is none."""
    found = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("asyncio.sleep", "time.sleep", "sleep"):
            zero = len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
            if not zero:
                found.append(node.lineno)
    return found


def test_tests_wait_for_events_and_do_not_sleep():
    sleeping = {path: sleeps(path) for path in sources("tests") if sleeps(path)}
    unlisted = {path: at for path, at in sleeping.items() if path not in SLEEPS}
    assert not unlisted, "wait for an event with a deadline, or say in SLEEPS why this is not synchronisation"
    assert SLEEPS.keys() <= sleeping.keys(), "files that no longer sleep leave the list"


def test_nothing_is_left_to_be_done_in_comments():
    left = re.compile(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))")
    kinds = (".py", ".md", ".yaml", ".yml", ".toml", "Makefile", ".sh")
    written = [path for path in tracked() if path.endswith(kinds) and path != HERE]
    assert not [path for path in written if left.search(text(path))], "do it, or open an issue and name it: (#12)"


def test_the_root_holds_what_the_design_names():
    assert {path.split("/")[0] for path in tracked()} <= TOP_LEVEL


PRIVATE = re.compile(
    r"(?<![\w./-])/(work|root|Users)/[\w.]"  # paths of one machine
    r"|(?<![\w./-])/home/(?!(op|forebay)\b)\w"
    r"|https?://[\w.-]*(pypi|pythonhosted|artifactory|nexus|devpi|npmjs|debian)\b"  # hosts of package indexes
    r"|^--(extra-)?index-url",
    re.MULTILINE,
)


def test_nothing_names_a_machine_or_a_package_index():
    found = {}
    for path in tracked():
        content = (ROOT / path).read_bytes()
        if path != HERE and b"\0" not in content[:8192] and (hit := PRIVATE.search(content.decode())):
            found[path] = hit.group()
    assert not found


AN_INDEX = "pypi"
"""Apart from its domain, so that this file names no host either."""


@pytest.mark.parametrize(
    "line",
    [
        "see /work/x",
        "HOME=/root/.cache",
        "/home/me/x",
        f"https://{AN_INDEX}.org/simple",
        "--index-url http://h/",
    ],
)
def test_the_rule_about_machines_knows_one(line):
    assert PRIVATE.search(line)


WATCH_IMPORTS = f"""
import sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            print(name)
        return None

sys.meta_path.insert(0, Watch())
import gateway.app, gateway.cli
from gateway.commands import serve
"""


def test_the_gateway_never_reaches_for_an_engines_libraries():
    """A finder sees every attempt, so the test also fails where the library is not installed."""
    seen = subprocess.run([sys.executable, "-c", WATCH_IMPORTS], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert seen.returncode == 0, seen.stderr
    assert seen.stdout == ""
