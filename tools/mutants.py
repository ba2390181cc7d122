"""How many small mistakes in placement and scheduler the tests would notice: ``python -m tools.mutants [--sample N]``.

Each mutant is one change to one file (a comparison turned, a sum a difference, a constant off by one, a condition
negated, a call left out), tried in a copy of the tree. Prints a score by file and every mutant that lived.
"""

import ast
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import click
from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "gateway/scheduling"
FILES = (
    "placement", "spots", "eviction", "books", "choice", "bed", "resident", "policy", "popularity", "line", "key_share",
    "queue", "fairness", "service", "scheduler", "lifecycle", "idle", "forecast", "estimate", "cooldown", "occupants",
)  # fmt: skip
_UNIT = "tests/unit/gateway/scheduling"
TESTS = (
    *(f"{_UNIT}/test_{name}.py" for name in ("placement", "parts", "scheduler_loading", "scheduler_turns",
      "scheduler_priorities", "scheduler_fairness", "scheduler_failures", "scheduler_unload")),
    _UNIT, "tests/unit/gateway/routing/test_dispatch_choice.py",
    "tests/property/test_placement.py", "tests/property/test_scheduler_machine.py",
)  # fmt: skip
_COPIED = ("gateway", "backends", "tests", "bench", "tools", "model_profiles", "docs", "pyproject.toml")
_LONGEST = 240
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OTHER: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
}  # fmt: skip


class Mutant(Struct, frozen=True):
    """One change: the file, the line, what was done, and the whole source with it."""

    file: str
    line: int
    change: str
    source: str


def mutants_of(file: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a file, one after the other."""
    count = sum(1 for _ in _places(ast.parse(source)))
    for number in range(count):
        tree = ast.parse(source)
        line, change, apply = list(_places(tree))[number]
        apply()
        yield Mutant(file, line, change, ast.unparse(ast.fix_missing_locations(tree)))


def _places(tree: ast.Module):
    options = {id(each.value) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for each in node.keywords}
    for node in ast.walk(tree):
        if id(node) in options:
            continue  # of a Struct, such as ``frozen``: nothing but a type checker would notice
        if isinstance(node, ast.Compare) and type(node.ops[0]) in _TURNED:
            turned = _TURNED[type(node.ops[0])]()
            yield node.lineno, f"{ast.unparse(node)} turned", lambda n=node, o=turned: n.ops.__setitem__(0, o)
        elif isinstance(node, ast.BinOp) and type(node.op) in _OTHER:
            other = _OTHER[type(node.op)]()
            yield node.lineno, f"{ast.unparse(node)} with another sign", lambda n=node, o=other: setattr(n, "op", o)
        elif isinstance(node, ast.BoolOp):
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield node.lineno, f"{ast.unparse(node)}: and, or", lambda n=node, o=other: setattr(n, "op", o)
        elif isinstance(node, ast.If | ast.While | ast.IfExp):
            yield node.lineno, f"if {ast.unparse(node.test)} negated", lambda n=node: _negate(n)
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float) and hasattr(node, "lineno"):
            yield node.lineno, f"{node.value} one more", lambda n=node, v=node.value: setattr(n, "value", v + 1)
        elif isinstance(node, ast.Constant) and type(node.value) is bool:
            yield node.lineno, f"not {node.value}", lambda n=node: setattr(n, "value", not n.value)
        elif isinstance(node, ast.FunctionDef) and node.name != "__init__":
            for index, statement in enumerate(node.body):
                if isinstance(statement, ast.Assign | ast.AugAssign) or (
                    isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
                ):
                    words = f"without {ast.unparse(statement)}"
                    yield statement.lineno, words, lambda n=node, i=index: n.body.__setitem__(i, ast.Pass())


def _negate(node: ast.If | ast.While | ast.IfExp) -> None:
    node.test = ast.UnaryOp(op=ast.Not(), operand=node.test)


class Copies:
    """Copies of the tree, one for each worker."""

    def __init__(self, folder: Path, count: int) -> None:
        self._free: SimpleQueue[Path] = SimpleQueue()
        for number in range(count):
            copy = folder / str(number)
            for name in _COPIED:
                if (ROOT / name).is_dir():
                    shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copy(ROOT / name, copy / name)
            self._free.put(copy)

    def lives(self, mutant: Mutant) -> bool:
        """The tests find nothing wrong with it."""
        copy = self._free.get()
        path = copy / mutant.file
        before = path.read_text("utf-8")
        try:
            path.write_text(mutant.source, "utf-8")
            command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
            done = subprocess.run([*command, *TESTS], cwd=copy, capture_output=True, timeout=_LONGEST, check=False)
        except subprocess.TimeoutExpired:
            return False
        else:
            return done.returncode == 0
        finally:
            path.write_text(before, "utf-8")
            self._free.put(copy)


@click.command()
@click.option("--sample", default=0, help="So many, chosen at random; default: all.")
@click.option("--seed", default=1)
@click.option("--workers", default=2)
@click.argument("files", nargs=-1)
def main(sample: int, seed: int, workers: int, files: tuple[str, ...]) -> None:
    """The share of mutants that the tests kill."""
    paths = [f"{FOLDER}/{name}.py" for name in files or FILES]
    found = [mutant for path in paths for mutant in mutants_of(path, (ROOT / path).read_text("utf-8"))]
    chosen = random.Random(seed).sample(found, min(sample or len(found), len(found)))
    tried: Counter[str] = Counter()
    lived: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        copies = Copies(Path(folder), workers)
        for mutant, lives in zip(chosen, pool.map(copies.lives, chosen), strict=True):
            tried[mutant.file] += 1
            if lives:
                lived[mutant.file] += 1
                click.echo(f"lives: {mutant.file}:{mutant.line}: {mutant.change}")
    for file, count in sorted(tried.items()):
        click.echo(f"{file}: {count - lived[file]} of {count} killed")
    total = sum(tried.values())
    click.echo(f"seed {seed}: {total - sum(lived.values())} of {total} killed, {1 - sum(lived.values()) / total:.0%}")


if __name__ == "__main__":
    main()
