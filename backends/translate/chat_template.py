"""A model's chat template, rendered in Jinja's immutable sandbox.

A template comes with the weights: it is data from the internet. It sees the conversation and a few harmless functions,
never objects of ours, files or the environment. Reads no clock but the one passed in.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import cast

import msgspec
from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.ext import loopcontrols as LoopControls  # noqa: N812  # a class in lower case
from jinja2.parser import Parser

from backends.errors import BackendError, Cause
from backends.translate.template_sandbox import TemplateSandbox

MAX_SOURCE = 256 * 1024
MAX_OUTPUT = 16 * 1024 * 1024
_ERRORS = (TemplateError, TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
_NEEDLE = "forebay-needle"

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""For weights that bring no template."""


class _RefusedError(Exception):
    """The template itself says that it cannot render this conversation."""


class _Generation(Extension):
    """``{% generation %}`` marks the assistant's words for training; it means nothing here."""

    tags = {"generation"}  # Jinja's own declaration

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class ChatTemplate:
    """Raises ``BackendError(LOAD_FAILED)`` at once for a source that is too long or does not parse."""

    def __init__(self, source: str, bos: str, eos: str, now: Callable[[], datetime] = datetime.now) -> None:
        if len(source) > MAX_SOURCE:
            raise BackendError(Cause.LOAD_FAILED, "The model's chat template is too long.")
        sandbox = self._sandbox = TemplateSandbox(
            trim_blocks=True, lstrip_blocks=True, extensions=[LoopControls, _Generation]
        )
        sandbox.filters["tojson"] = _tojson
        given: dict[str, object] = {
            "raise_exception": _refuse,
            "strftime_now": lambda form="": now().strftime(str(form)),
            "bos_token": bos,
            "eos_token": eos,
        }
        sandbox.globals.update(given)  # pyright: ignore[reportArgumentType, reportCallIssue]
        try:
            self._template = sandbox.from_string(source)
        except (TemplateError, RecursionError) as error:
            raise BackendError(Cause.LOAD_FAILED, "The model's chat template is broken.", private=str(error)) from error
        self._takes_system = self._shows([{"role": "system", "content": _NEEDLE}, {"role": "user", "content": "a"}])
        self._takes_objects = self._shows(_call({"key": _NEEDLE}), f'"key": "{_NEEDLE}"', f'"key":"{_NEEDLE}"')
        self._takes_text = self._shows(_call(f'{{"key": "{_NEEDLE}"}}'), f'"key": "{_NEEDLE}"')

    def render(
        self,
        messages: list[dict[str, object]],
        tools: list[dict[str, object]] | None,
        add_generation_prompt: bool = True,
        effort: str | None = None,
    ) -> str:
        """The prompt as text. ``effort``: how much to think, where the template knows; ``none`` is not at all.

        Raises ``BackendError(INVALID_REQUEST)`` for what the template refuses or cannot do.
        """
        messages = [self._fitting(message) for message in messages]
        if not self._takes_system:
            messages = _system_into_user(messages)
        try:
            return self._rendered(messages, tools, add_generation_prompt, _thinking(effort))
        except _RefusedError as refused:
            detail = f"messages: the model's chat template refuses them: {str(refused)[:200]}"
            raise BackendError(Cause.INVALID_REQUEST, detail, param="messages") from refused
        except SecurityError as error:
            raise BackendError(
                Cause.INVALID_REQUEST,
                "The model's chat template does what is not allowed.",
                code="template_refused",
                private=str(error),
            ) from error
        except _ERRORS as error:
            raise BackendError(
                Cause.INVALID_REQUEST,
                "messages: the model's chat template cannot render them.",
                param="messages",
                private=f"{type(error).__name__}: {error}",
            ) from error

    def begun(
        self, messages: list[dict[str, object]], tools: list[dict[str, object]] | None, effort: str | None = None
    ) -> str:
        """The prompt up to the last character of the last message, which is the assistant's and goes on."""
        last = messages[-1]
        marked = [*messages[:-1], {**last, "content": f"{last.get('content') or ''}{_NEEDLE}"}]
        text = self.render(marked, tools, add_generation_prompt=False, effort=effort)
        end = text.rfind(_NEEDLE)
        if end < 0:
            detail = "messages: this model's chat template cannot go on with the assistant's last message."
            raise BackendError(Cause.INVALID_REQUEST, detail, param="messages")
        return text[:end]

    def _rendered(
        self,
        messages: list[dict[str, object]],
        tools: object,
        add_generation_prompt: bool,
        thinking: Mapping[str, object] = {},
    ) -> str:
        self._sandbox.begin()
        size, parts = 0, list[str]()
        for part in self._template.generate(
            messages=messages, tools=tools, documents=None, add_generation_prompt=add_generation_prompt, **thinking
        ):
            size += len(part)
            if size > MAX_OUTPUT:
                raise SecurityError("the output is too long")
            parts.append(part)
        return "".join(parts)

    def _shows(self, messages: list[dict[str, object]], *needles: str) -> bool:
        """Whether a conversation's text is in what the template makes of it."""
        try:
            text = self._rendered(messages, None, add_generation_prompt=False)
        except (_RefusedError, *_ERRORS):
            return False
        return any(needle in text for needle in needles or (_NEEDLE,))

    def _fitting(self, message: dict[str, object]) -> dict[str, object]:
        """Arguments of past calls as objects, or as text where the template wants them so."""
        calls = message.get("tool_calls")
        if not isinstance(calls, list) or (self._takes_text and not self._takes_objects):
            return message
        made = [_with_object(cast("dict[str, dict[str, object]]", call)) for call in cast("list[object]", calls)]
        return message | {"tool_calls": made}


def _thinking(effort: str | None) -> Mapping[str, object]:
    """By the names that makers' templates use: Qwen's and GLM's, DeepSeek's, and gpt-oss's. Unsaid is left to them."""
    if effort is None:
        return {}
    if effort == "none":
        return {"enable_thinking": False, "thinking": False}
    return {"reasoning_effort": effort}


def _with_object(call: dict[str, dict[str, object]]) -> dict[str, object]:
    function = call["function"]
    try:
        arguments = msgspec.json.decode(str(function.get("arguments") or "{}"))
    except (msgspec.DecodeError, RecursionError):
        arguments = function.get("arguments")
    return {**call, "function": {**function, "arguments": arguments}}


def _call(arguments: object) -> list[dict[str, object]]:
    call = {"id": "abcdefghi", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "tool_calls": [call]}]


def _system_into_user(messages: list[dict[str, object]]) -> list[dict[str, object]]:
    """System words at the top of the first user message, for templates that drop or refuse a system message."""
    system = "\n\n".join(str(message["content"]) for message in messages if message["role"] == "system")
    rest = [message for message in messages if message["role"] != "system"]
    if not system:
        return rest
    for index, message in enumerate(rest):
        if message["role"] == "user":
            return [*rest[:index], message | {"content": f"{system}\n\n{message['content']}"}, *rest[index + 1 :]]
    return [{"role": "user", "content": system}, *rest]


def _refuse(message: object) -> None:
    raise _RefusedError(str(message))


def _tojson(value: object, indent: int | None = None, sort_keys: bool = False, **_: object) -> str:
    """As model makers' tools write JSON: a space after comma and colon, nothing escaped for HTML."""
    data = msgspec.json.encode(value, order="sorted" if sort_keys else None)
    return msgspec.json.format(data, indent=indent or 0).decode()
