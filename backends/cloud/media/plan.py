"""An operation made ready: every template and path of it compiled, and tried on one value of each kind. Pure.

What is wrong with it is found here, when the file is read, and never by a request.
"""

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from msgspec import Struct

from backends.cloud.media.extract import Extract, ExtractError
from backends.cloud.media.filters import FilterError
from backends.cloud.media.operation import Cost, Follow, Operation, Request
from backends.cloud.media.template import (
    Branch,
    Expression,
    Row,
    TemplateError,
    Text,
    Tree,
    expressions,
    holds_file,
    path_of,
    rendered,
    text_of,
    tree_of,
)
from backends.cloud.media.value import FILES, SAMPLE, Value, Values

T = TypeVar("T")
_ALWAYS = frozenset({"model", "id", "size", "seed", "seeds", "n", "sound", "format"})
"""What is there for every job; a path is made of nothing else."""
_REF = "_ref"


class Fault(Struct, frozen=True):
    """``where`` is a place in the operation."""

    where: str
    message: str


class Way(Struct, frozen=True, kw_only=True):
    """One compiled request. ``uses``: the names in it."""

    needs: tuple[str, ...]
    method: str
    path: Text
    headers: tuple[tuple[str, Text], ...]
    body: Tree | None
    form: Tree | None
    poll: Text | None
    uses: frozenset[str]


class Next(Struct, frozen=True, kw_only=True):
    """One compiled later request."""

    method: str
    path: Text | None
    url: Extract | None
    ref: Extract | None
    body: Tree | None


class Plan(Struct, frozen=True, kw_only=True):
    """All of an operation. Paths are absent where the operation says nothing."""

    operation: Operation
    ways: tuple[Way, ...]
    result: Extract
    upload: tuple[Text, Extract] | None = None
    id: Extract | None = None
    status: Extract | None = None
    progress: Extract | None = None
    poll: Next | None = None
    fetch: Next | None = None
    cancel: Next | None = None
    when: Extract | None = None
    refused: Extract | None = None
    costs: tuple[tuple[Extract, float], ...] = ()
    messages: tuple[Extract, ...] = ()

    def way(self, values: Values) -> Way | None:
        """The first whose needs are met."""
        return next((way for way in self.ways if all(values.get(name) is not None for name in way.needs)), None)


def chosen(operations: Sequence[Operation], makes: str, task: str, model: str) -> int | None:
    """The number of the first operation that does ``task`` for ``model``."""
    for i, operation in enumerate(operations):
        fits = operation.makes == makes and task in operation.tasks
        if fits and (not operation.models or any(fnmatchcase(model, pattern) for pattern in operation.models)):
            return i
    return None


def plan_of(operation: Operation, given: frozenset[str] = frozenset()) -> tuple[Plan | None, tuple[Fault, ...]]:
    """The plan, or what is wrong with the operation. ``given``: further names, of the provider's own."""
    maker = _Maker(operation, given)
    plan = maker.plan()
    return (None if maker.faults else plan), tuple(maker.faults)


class _Maker:
    """One pass over one operation; goes on after a fault."""

    def __init__(self, operation: Operation, given: frozenset[str]) -> None:
        self.faults: list[Fault] = []
        self._operation = operation
        self._given = given
        refs = frozenset(f"{name}{_REF}" for name in FILES) if operation.upload is not None else frozenset[str]()
        self._names = frozenset(SAMPLE) | refs | given
        self._fixed = _ALWAYS | given
        self._sample: dict[str, Value] = SAMPLE | dict.fromkeys((*refs, *given), "x") | {"id": "x", "ref": "x"}

    def plan(self) -> Plan | None:
        one = self._operation
        if not one.requests:
            self._fault("requests", "at least one is needed")
        if one.makes == "clip" and one.limits.n != 1:
            self._fault("limits.n", "clips are made one by one")
        ways = tuple(self._way(each, f"requests[{i}]") for i, each in enumerate(one.requests))
        result = self._extract(one.result.path, "result.path")
        upload = None
        if one.upload is not None:
            path = self._path(one.upload.path, "upload.path", self._fixed - {"id"})
            ref = self._extract(one.upload.ref, "upload.ref")
            upload = None if path is None or ref is None else (path, ref)
        failure, job = one.failure, one.job
        messages = [self._extract(each, f"failure.message[{i}]") for i, each in enumerate(failure.message)]
        if result is None or None in ways:
            return None
        return Plan(
            operation=one,
            ways=tuple(way for way in ways if way is not None),
            result=result,
            upload=upload,
            id=job and self._extract(job.id, "job.id"),
            status=job and self._extract(job.status, "job.status"),
            progress=job and self._extract(job.progress, "job.progress"),
            poll=job and self._next(job.poll, "job.poll", several=True),
            fetch=job and self._next(job.fetch, "job.fetch"),
            cancel=job and self._next(job.cancel, "job.cancel"),
            when=self._extract(failure.when, "failure.when"),
            refused=self._extract(one.refused, "refused"),
            costs=self._costs(one.cost),
            messages=tuple(each for each in messages if each is not None),
        )

    def _costs(self, costs: tuple[Cost, ...]) -> tuple[tuple[Extract, float], ...]:
        paths = [(self._extract(each.path, f"cost[{i}].path"), each.usd) for i, each in enumerate(costs)]
        return tuple((path, usd) for path, usd in paths if path is not None)

    def _way(self, request: Request, where: str) -> Way | None:
        path = self._path(request.path, f"{where}.path", self._fixed - {"id"})
        poll = self._path(request.poll, f"{where}.poll", self._fixed)
        body = self._tree(request.body, f"{where}.body", self._names, files=False)
        form = self._tree(request.form, f"{where}.form", self._names, files=True)
        if request.body and request.form:
            self._fault(where, "has a body or a form, not both")
        headers = [(name, self._text(text, f"{where}.headers.{name}")) for name, text in request.headers.items()]
        if path is None:
            return None
        kept = tuple((name, text) for name, text in headers if text is not None)
        used: list[Expression] = [*path.expressions(), *(each for _, text in kept for each in text.expressions())]
        for tree in (body, form):
            used += [] if tree is None else expressions(tree)
        return Way(
            needs=request.needs, method=request.method, path=path, headers=kept, body=body, form=form, poll=poll,
            uses=frozenset(each.name for each in used),
        )  # fmt: skip

    def _next(self, follow: Follow | None, where: str, *, several: bool = False) -> Next | None:
        if follow is None:
            return None
        own = several and all(each.poll is not None for each in self._operation.requests)
        if (follow.path is None) == (follow.url is None) and not (own and follow.path is None):
            self._fault(where, "needs a path or a url")
        names = self._fixed if follow.ref is None else self._fixed | {"ref"}
        return Next(
            method=follow.method,
            path=self._path(follow.path, f"{where}.path", names),
            url=self._extract(follow.url, f"{where}.url"),
            ref=self._extract(follow.ref, f"{where}.ref"),
            body=self._tree(follow.body, f"{where}.body", names, files=False),
        )

    def _path(self, source: str | None, where: str, names: frozenset[str]) -> Text | None:
        if source is None:
            return None
        if not source.startswith("/"):
            self._fault(where, "begins with /")
        text = self._tried(where, lambda: text_of(source, names, ""))
        if text is not None and self._tried(where, lambda: path_of(text, self._sample)) is None:
            return None
        return text

    def _text(self, source: str, where: str) -> Text | None:
        text = self._tried(where, lambda: text_of(source, self._fixed - {"id"}, ""))
        if text is not None:
            self._tried(where, lambda: text.render(self._sample))
        return text

    def _tree(self, source: dict[str, Any], where: str, names: frozenset[str], *, files: bool) -> Tree | None:
        if not source:
            return None
        tree = self._tried(where, lambda: tree_of(source, names))
        if tree is None:
            return None
        for place, leaf in _leaves(tree, where):
            # One by one, so that a fault has its own place; an item is a file.
            values = self._sample | {"item": SAMPLE["image"]}
            found = self._tried(place, lambda leaf=leaf, values=values: rendered(leaf, values))
            if not files and holds_file(found):
                self._fault(place, "a file is no JSON: use b64 or data_uri")
        return tree

    def _extract(self, source: str | None, where: str) -> Extract | None:
        return None if source is None else self._tried(where, lambda: Extract(source))

    def _tried(self, where: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except TemplateError as error:
            self._fault(where + error.where, error.message)
        except (ExtractError, FilterError) as error:
            self._fault(where, str(error))
        return None

    def _fault(self, where: str, message: str) -> None:
        self.faults.append(Fault(where, message))


def _leaves(tree: Tree, where: str) -> Iterator[tuple[str, Text]]:
    if isinstance(tree, Text):
        yield where, tree
    elif isinstance(tree, Row):
        for i, each in enumerate(tree.members):
            yield from _leaves(each, f"{where}[{i}]")
    elif isinstance(tree, Branch):
        for key, each in tree.entries:
            yield from _leaves(each, f"{where}.{key}")
