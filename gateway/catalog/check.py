"""Cross-checks that a type cannot state: names, references, weights, footprints. Pure; each finding names its line."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import PurePath

from msgspec import Struct

from backends.contract import Task
from gateway.catalog.check_diffusers import picture_findings
from gateway.catalog.check_tasks import task_findings
from gateway.catalog.check_variant import variant_findings
from gateway.catalog.finding import Finding
from gateway.catalog.nodes import Node
from gateway.catalog.problem import Problem, did_you_mean, quoted
from gateway.catalog.profile import Modality, ModelProfile
from gateway.catalog.shape import locate
from gateway.errors import TABLE

TASKS: dict[Modality, frozenset[Task]] = {
    "llm": frozenset({Task.CHAT, Task.COMPLETION, Task.EMBEDDING, Task.RERANK, Task.SCORE}),
    "image": frozenset({Task.IMAGE, Task.IMAGE_EDIT, Task.IMAGE_VARIATION, Task.INPAINT}),
    "video": frozenset({Task.VIDEO, Task.IMAGE_TO_VIDEO, Task.VIDEO_TO_VIDEO, Task.IMAGE}),
    "utility": frozenset(Task),
    "workflow": frozenset(Task),
}
_TABLES = frozenset({"llm", "image", "video"})


class Document(Struct, frozen=True):
    """A profile that passed the shape check, with the tree that knows its lines."""

    path: str
    root: Node
    profile: ModelProfile


def check(documents: Sequence[Document], known: Collection[str]) -> list[Problem]:
    """Every broken rule. ``known`` are the ids that exist, also those whose files are broken and reported elsewhere."""
    problems = [problem_of(d, finding) for d in documents for finding in _profile(d, known)]
    return problems + _shared_names(documents) + _rows(documents) + _cycles(documents)


def problem_of(document: Document, finding: Finding) -> Problem:
    """A finding with its line."""
    node = locate(document.root, finding.where)
    return Problem(
        path=document.path,
        line=node.line,
        column=node.column,
        where=finding.where,
        message=finding.message,
        hint=finding.hint,
    )


def _profile(document: Document, known: Collection[str]) -> Iterator[Finding]:
    profile = document.profile
    yield from _identity(document)
    yield from _repeats("tasks", profile.tasks)
    yield from _repeats("aliases", profile.aliases)
    yield from _repeats("catalog_rows", profile.catalog_rows)
    yield from _repeats("variants", [v.name for v in profile.variants], ".name")
    yield from _fallbacks(profile, known)
    yield from picture_findings(profile)
    yield from task_findings(profile)
    for i, variant in enumerate(profile.variants):
        for finding in variant_findings(variant):
            yield Finding(f"variants[{i}].{finding.where}", finding.message, finding.hint)


def _identity(document: Document) -> Iterator[Finding]:
    profile = document.profile
    stem = PurePath(document.path).stem
    if profile.id != stem:
        yield Finding("id", f"{quoted(profile.id)} is not the file's name", f"the file is called {quoted(stem)}")
    for field, value in (("name", profile.name), ("licence", profile.licence), ("parameters", profile.parameters)):
        if value is not None and not (value.strip() and value.isprintable()):
            yield Finding(field, "expected one line of text")
    if not profile.variants and not profile.cloud and not profile.why_not:
        yield Finding("", "no variants, no cloud and no why_not", "a model that nothing serves says why in why_not")
    if not profile.tasks:
        yield Finding("tasks", "at least one task is needed")
    for i, task in enumerate(profile.tasks):
        if task not in TASKS[profile.modality]:
            yield Finding(f"tasks[{i}]", f"a model of modality {profile.modality} has no task {task.value}")


def _fallbacks(profile: ModelProfile, known: Collection[str]) -> Iterator[Finding]:
    for i, rule in enumerate(profile.fallbacks):
        where = f"fallbacks[{i}]"
        if not rule.when:
            yield Finding(f"{where}.when", "an empty list never applies")
        for j, cause in enumerate(rule.when):
            if not TABLE[cause].falls_back:
                yield Finding(f"{where}.when[{j}]", f"after {cause.value} no other model is ever tried")
        if rule.to not in known:
            yield Finding(f"{where}.to", f"no model {quoted(rule.to)}", did_you_mean(rule.to, known))


def _repeats(where: str, values: Iterable[str], field: str = "") -> Iterator[Finding]:
    first: dict[str, int] = {}
    for i, value in enumerate(values):
        if first.setdefault(value, i) != i:
            yield Finding(f"{where}[{i}]{field}", f"{quoted(str(value))} is given twice")


def _shared_names(documents: Sequence[Document]) -> list[Problem]:
    """Ids and aliases share one space; case does not tell two names apart, since clients may write any."""
    owners: dict[str, Document] = {}
    problems: list[Problem] = []
    for document in documents:
        other = owners.setdefault(document.profile.id, document)
        if other is not document:
            problems.append(
                problem_of(document, Finding("id", f"{quoted(document.profile.id)} is also the id of {other.path}"))
            )
    ids = frozenset(owners)
    for document in documents:
        for i, alias in enumerate(document.profile.aliases):
            name = alias.lower()
            if name in ids:
                text = f"{quoted(alias)} is the id of {owners[name].path}"
                problems.append(problem_of(document, Finding(f"aliases[{i}]", text)))
                continue
            other = owners.setdefault(name, document)
            if other is not document:
                text = f"{quoted(alias)} is also an alias in {other.path}"
                problems.append(problem_of(document, Finding(f"aliases[{i}]", text)))
            elif name.startswith(("auto:", "local/", "cloud/")):
                text = f"{quoted(alias)} can never be reached: auto:, local/ and cloud/ have a meaning of their own"
                problems.append(problem_of(document, Finding(f"aliases[{i}]", text)))
    return problems


def _rows(documents: Sequence[Document]) -> list[Problem]:
    """Sizes of one family may share a row of the comparison, but a row belongs to the table of one modality."""
    first: dict[str, Document] = {}
    problems: list[Problem] = []
    for document in documents:
        if document.profile.modality not in _TABLES:
            continue
        for i, row in enumerate(document.profile.catalog_rows):
            other = first.setdefault(row, document)
            if other.profile.modality != document.profile.modality:
                text = f"{quoted(row)} is claimed by {other.path}, which is of modality {other.profile.modality}"
                problems.append(problem_of(document, Finding(f"catalog_rows[{i}]", text)))
    return problems


def _cycles(documents: Sequence[Document]) -> list[Problem]:
    """A fallback that leads back to where it started, reported once a cycle; iterative, since chains may be long."""
    by_id = {d.profile.id: d for d in documents}
    problems: list[Problem] = []
    done: set[str] = set()
    for start, document in by_id.items():
        if start in done:
            continue
        trail: list[str] = [start]
        pending = [_steps(document)]
        while pending:
            step = next(pending[-1], None)
            if step is None:
                done.add(trail.pop())
                pending.pop()
                continue
            i, to = step
            if to in trail:
                ring = " > ".join([*trail[trail.index(to) :], to])
                problems.append(
                    problem_of(by_id[trail[-1]], Finding(f"fallbacks[{i}].to", f"goes in a circle: {ring}"))
                )
            elif to in by_id and to not in done:
                trail.append(to)
                pending.append(_steps(by_id[to]))
    return problems


def _steps(document: Document) -> Iterator[tuple[int, str]]:
    return iter([(i, rule.to) for i, rule in enumerate(document.profile.fallbacks)])
