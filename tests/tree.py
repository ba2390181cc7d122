"""The project's own files, as the tests about its shape and its documents see them: what git tracks and is there."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_SOURCES = ("gateway", "backends", "tools", "bench", "tests", "docs", "deploy", "k8s", "model_profiles", "requirements")


@cache
def tracked() -> tuple[str, ...]:
    """Paths relative to the root. Without git (an unpacked archive): everything below the source folders."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        found = [path for top in _SOURCES for path in (ROOT / top).rglob("*")] + list(ROOT.glob("*"))
        listed = [path.relative_to(ROOT).as_posix() for path in found if "__pycache__" not in path.parts]
    return tuple(sorted(path for path in listed if path and (ROOT / path).is_file()))


def sources(*tops: str) -> list[str]:
    """Tracked Python files below these folders; all of them without any."""
    return [path for path in tracked() if path.endswith(".py") and (not tops or path.split("/")[0] in tops)]


def text(path: str) -> str:
    """A tracked file's text."""
    return (ROOT / path).read_text("utf-8")


@cache
def parsed(path: str) -> ast.Module:
    """A tracked Python file's syntax tree."""
    return ast.parse(text(path), filename=path)


def scopes(node: ast.AST, inside: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every node below with the dotted name of the class and function it stands in."""
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        name = f"{inside}.{child.name}".lstrip(".") if named else inside
        yield name, child
        yield from scopes(child, name)
