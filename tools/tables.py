"""The generated tables: settings, metrics, errors, routes, request fields and commands, each as Markdown.

They are read from the code; the words it does not have are in ``tools/meanings.py``. Nothing is written here.
"""

import ast
import tempfile
from collections.abc import Callable, Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Literal, cast, get_args, get_origin

import click
from litestar.routes import ASGIRoute, HTTPRoute
from msgspec import Struct, inspect
from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from backends.errors import Cause
from backends.wire.extra_fields import CHECKED, DROPPED, REFUSED
from backends.wire.openai_chat import ChatRequest
from backends.wire.openai_completions import CompletionRequest
from backends.wire.openai_embeddings import EmbeddingRequest
from backends.wire.openai_images import GenerationRequest
from backends.wire.openai_videos import VideoRequest
from gateway.app import create_app
from gateway.cli import main as forebay
from gateway.errors import TABLE
from gateway.http.access import required_scope
from gateway.settings import Settings
from gateway.telemetry.instruments import Counters, Histograms
from gateway.telemetry.metrics import OBSERVED, Metrics
from tools import meanings

_ROOT = Path(__file__).resolve().parent.parent
_PLACES = {
    "profiles_dir": "`model_profiles/` of the checkout, else those of the package",
    "state_dir": "`$XDG_STATE_HOME/forebay` (`~/.local/state/forebay`)",
    "data_dir": "`$XDG_DATA_HOME/forebay` (`~/.local/share/forebay`)",
    "cache_dir": "`$XDG_CACHE_HOME/forebay` (`~/.cache/forebay`)",
}
_WORDS: dict[object, str] = {
    bool: "0 or 1",
    str: "text",
    Path: "path",
    SecretStr: "secret",
    int: "integer",
    float: "number",
}
_SIGNS = (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤"))


def _table(header: str, rows: list[tuple[str, ...]]) -> str:
    columns = header.split(" | ")
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


# --- settings ---------------------------------------------------------------------------------------------------------


def settings() -> str:
    """One row a setting, in the order of the class."""
    rows = [
        (f"`FOREBAY_{name.upper()}`", _setting_type(field), _setting_default(name, field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return _table("variable | type | default | meaning", rows)


def _setting_type(field: FieldInfo) -> str:
    kind: object = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(kind))
    if get_origin(kind) is tuple:
        return "list of text"
    choices = [choice for choice in get_args(kind) if choice is not type(None)]
    bounds = [f"{sign} {getattr(m, name):,}" for m in field.metadata for name, sign in _SIGNS if hasattr(m, name)]
    return " ".join([_WORDS[choices[0] if choices else kind], *bounds])


def _setting_default(name: str, field: FieldInfo) -> str:
    if name in _PLACES:
        return _PLACES[name]
    value = cast("object", field.default)
    match value:
        case None:
            return "none"
        case ():
            return "`[]`"
        case bool():
            return f"`{int(value)}`"
        case _:
            return f"`{value}`"


# --- metrics ----------------------------------------------------------------------------------------------------------


def metrics() -> str:
    """One row a metric of the registry, under the names that a scrape shows."""
    instruments = [m for m in vars(Metrics("0")).values() if isinstance(m, MetricWrapperBase | Counters | Histograms)]
    described = [
        (family.name, family.type, cast("tuple[str, ...]", vars(m)["_labelnames"]), family.documentation)
        for m in instruments
        for family in m.describe()
    ]
    described += [(name, "gauge", labels, said) for name, (said, labels) in OBSERVED.items()]
    rows = [
        (f"`{name}_total`" if kind == "counter" else f"`{name}`", kind, ", ".join(f"`{x}`" for x in labels), said)
        for name, kind, labels, said in described
    ]
    return _table("metric | type | labels | meaning", rows)


def labels() -> str:
    """One row a label."""
    used = {name for line in metrics().splitlines()[2:] for name in line.split(" | ")[2].replace("`", "").split(", ")}
    return _table("label | values", [(f"`{name}`", meanings.LABELS[name]) for name in sorted(used - {""})])


# --- errors -----------------------------------------------------------------------------------------------------------


def causes() -> str:
    """One row a cause, in the order of the vocabulary."""
    rows: list[tuple[str, ...]] = []
    for cause, row in TABLE.items():
        then = [word for word, yes in (("retried", row.retryable), ("next candidate", row.falls_back)) if yes]
        code = f"`{row.code}`" if row.code else ""
        kinds = (f"`{row.openai_type}`", f"`{row.anthropic_type}`")
        rows.append((f"`{cause}`", str(row.status), *kinds, code, ", ".join(then), meanings.CAUSES[cause]))
    return _table("cause | status | OpenAI type | Anthropic type | code | then | meaning", rows)


def codes() -> str:
    """The codes that are more precise than their cause's, as the sources name them."""
    rows = [
        (f"`{code}`", str(TABLE[Cause[cause]].status), f"`{Cause[cause]}`", meanings.CODES[code])
        for code, cause in sorted(set(_codes()))
    ]
    return _table("code | status | cause | meaning", rows)


def _codes() -> Iterator[tuple[str, str]]:
    for top in ("gateway", "backends"):
        for path in (_ROOT / top).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "BackendError":
                    given = {keyword.arg: keyword.value for keyword in node.keywords}
                    code = given.get("code")
                    if isinstance(code, ast.Constant) and isinstance(code.value, str):
                        yield code.value, ast.unparse(node.args[0]).removeprefix("Cause.")


# --- the HTTP interface -----------------------------------------------------------------------------------------------


def routes() -> str:
    """One row a route of the application."""
    known = list(meanings.ROUTES)
    rows = [
        (f"`{route}`", required_scope(route.split()[1]) or "none", meanings.ROUTES[route])
        for route in sorted(app_routes(), key=known.index)
    ]
    return _table("endpoint | scope | what it gives", rows)


def app_routes() -> Iterator[str]:
    """Method and path of every route, as the application registers them."""
    with tempfile.TemporaryDirectory() as scratch:
        there = Path(scratch)
        app = create_app(Settings(state_dir=there, data_dir=there, cache_dir=there))
    for route in app.litestar.routes:
        if isinstance(route, ASGIRoute):
            yield f"POST {route.path}"  # the text handlers refuse every other method themselves
        elif isinstance(route, HTTPRoute):
            for method in sorted(route.methods - {"OPTIONS"}):
                yield f"{method} {route.path_format}"


def chat_fields() -> str:
    """Fields of a chat request."""
    return _fields(ChatRequest)


def completion_fields() -> str:
    """Fields of a completion request."""
    return _fields(CompletionRequest)


def embedding_fields() -> str:
    """Fields of an embedding request."""
    return _fields(EmbeddingRequest)


def image_fields() -> str:
    """Fields of an image generation."""
    return _fields(GenerationRequest, meanings.IMAGE_FIELDS)


def video_fields() -> str:
    """Fields of a new video."""
    return _fields(VideoRequest, meanings.VIDEO_FIELDS)


def refused_fields() -> str:
    """Fields besides the public APIs' that engines would heed, and what becomes of them."""
    told = {name: f"refused: {why}" for name, why in REFUSED.items()}
    told |= {name: f"left out: {why}" for name, why in DROPPED.items()}
    told |= {name: f"accepted: {why}" for name, why in CHECKED.items()}
    rows = [(f"`{name}`", told[name]) for name in sorted(told)]
    return _table("field | what becomes of it", rows)


def _fields(kind: type[Struct], said: dict[str, str] = meanings.FIELDS) -> str:
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    ordered = sorted(described.fields, key=lambda field: (not field.required, field.name))
    rows = [
        (f"`{field.name}`" + (" (needed)" if field.required else ""), _shape(field.type), said[field.name])
        for field in ordered
    ]
    return _table("field | type | meaning", rows)


def _shape(kind: inspect.Type) -> str:
    match kind:
        case inspect.UnionType(types):
            return ", or ".join(dict.fromkeys(_shape(t) for t in types if not isinstance(t, inspect.NoneType)))
        case inspect.LiteralType(values):
            return ", ".join(f"`{value}`" for value in values)
        case inspect.ListType(item):
            return f"list of {_shape(item)}" if not isinstance(item, inspect.UnionType | inspect.StructType) else "list"
        case inspect.IntType() | inspect.FloatType():
            word = "integer" if isinstance(kind, inspect.IntType) else "number"
            bounds = [(sign, getattr(kind, name)) for name, sign in _SIGNS]
            shown = [f"{sign} {bound:,}" for sign, bound in bounds if bound is not None and bound < 1 << 16]
            return " ".join([word, *shown])
        case inspect.BoolType():
            return "boolean"
        case inspect.StrType():
            return "text"
        case _:
            return "object"


# --- commands ---------------------------------------------------------------------------------------------------------


def commands() -> str:
    """One section a command, with what its ``--help`` says."""
    return "\n".join(_command(forebay, name, click.Context(forebay, info_name="forebay")) for name in _names(forebay))


def _names(group: click.Group) -> list[str]:
    return group.list_commands(click.Context(group))


def _command(group: click.Group, name: str, above: click.Context) -> str:
    command = group.get_command(above, name)
    assert command is not None
    context = click.Context(command, info_name=name, parent=above)
    if isinstance(command, click.Group):
        inner = [_command(command, part, context) for part in _names(command)]
        return "\n".join([*_said(command, context.command_path, context), *inner])
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    return "\n".join(_said(command, usage, context))


def _said(command: click.Command, usage: str, context: click.Context) -> list[str]:
    said = [f"### `{usage}`\n", f"{cleandoc(command.help or '')}\n"]
    shown = [option.get_help_record(context) for option in command.params if isinstance(option, click.Option)]
    rows = [
        (f"`{name}`".replace("|", "\\|"), " ".join(meaning.split()).replace("|", "\\|"))
        for name, meaning in filter(None, shown)
    ]
    if rows:
        said.append(_table("option | meaning", rows))
    return said


TABLES: dict[str, Callable[[], str]] = {
    "settings": settings,
    "metrics": metrics,
    "labels": labels,
    "causes": causes,
    "codes": codes,
    "routes": routes,
    "chat-fields": chat_fields,
    "completion-fields": completion_fields,
    "embedding-fields": embedding_fields,
    "image-fields": image_fields,
    "video-fields": video_fields,
    "refused-fields": refused_fields,
    "commands": commands,
}
