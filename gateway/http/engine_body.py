"""A text request as an engine gets it: under the name it has there, with what its profile says, and within its context.

Only the top level is put together anew; what is inside stays as it came.
"""

from functools import lru_cache
from hashlib import sha256

import msgspec
from msgspec import Raw

from backends.contract import Task
from backends.external.args import ExternalArgs
from backends.llama_cpp.args import LlamaCppArgs
from backends.registry import thoughts_renamed
from backends.translate.renamed_key import Renaming
from backends.vllm.args import VllmArgs
from backends.wire.envelope import Envelope
from backends.wire.extra_fields import thinking
from gateway.routing.route import Candidate
from gateway.settings import Settings

_GENERATES = frozenset({Task.CHAT, Task.COMPLETION})
_TOKEN_LIMITS = ("max_tokens", "max_completion_tokens")
_OURS, _VLLMS, _KWARGS = "repeat_penalty", "repetition_penalty", "chat_template_kwargs"
_BRIGHT, _DULL = Raw(b'{"thinking":true}'), Raw(b'{"thinking":false}')
_limit = msgspec.json.Decoder(int | None)


def salt_of(settings: Settings, key_id: str) -> Raw | None:
    """What keeps the cached prefixes of one key from those of others; the same in every gateway."""
    return _salt(key_id) if key_id and settings.prefix_cache == "per_key" else None


@lru_cache(maxsize=4096)
def _salt(key_id: str) -> Raw:
    return Raw(b'"%b"' % sha256(b"forebay:" + key_id.encode()).hexdigest().encode())


def body_for(envelope: Envelope, candidate: Candidate, task: Task, salt: Raw | None = None) -> bytes:
    """The request as ``candidate`` gets it: under the name it has there, with the profile's defaults and a limit of
    tokens that its context holds. ``salt``: see ``salt_of``.
    """
    name = name_at(candidate)
    salted = {} if salt is None or not isinstance(candidate.variant.engine, VllmArgs) else {"cache_salt": salt}
    if task not in _GENERATES:
        said = envelope.without(("top_n",)) if "top_n" in envelope and not says(envelope, "top_n") else envelope
        return said.with_model(name, salted)
    extra = salted | {field: value for field, value in candidate.defaults.items() if not says(envelope, field)}
    if says(envelope, "max_completion_tokens"):
        extra.pop("max_tokens", None)
    _adapt(envelope, candidate, extra)
    if (most := _most_tokens(candidate)) is not None:
        for field in _TOKEN_LIMITS:
            given = envelope.get(field)
            if given is not None and (_limit.decode(given) or 0) > most:
                extra[field] = Raw(b"%d" % most)
    return envelope.with_model(name, extra)


def _adapt(envelope: Envelope, candidate: Candidate, extra: dict[str, Raw]) -> None:
    """What this engine calls otherwise: how a repetition is punished, and whether to think."""
    match candidate.variant.engine:
        case VllmArgs() as engine:
            punished = extra.pop(_OURS, None) or envelope.get(_OURS)
            if punished is not None and not says(envelope, _VLLMS):
                extra[_VLLMS] = punished
            effort = bytes(envelope.get("reasoning_effort") or b"null")
            if effort != b"null" and _thinks(engine) and not says(envelope, _KWARGS):
                # It tells templates ``enable_thinking`` itself; DeepSeek's and Kimi's know another word.
                extra[_KWARGS] = _DULL if effort == b'"none"' else _BRIGHT
        case LlamaCppArgs():
            if (told := envelope.get(_KWARGS)) is not None and not says(envelope, "reasoning_effort"):
                asked = thinking(told)
                if asked.get("enable_thinking") is False or asked.get("thinking") is False:
                    extra["reasoning_effort"] = Raw(b'"none"')
        case _:
            pass


def _thinks(engine: VllmArgs) -> bool:
    """Templates of Mistral's own format take no words of others."""
    return engine.reasoning_parser is not None and engine.format == "hf"


def _most_tokens(candidate: Candidate) -> int | None:
    """Of one request, where the engine would refuse a higher limit instead of taking it for all there is."""
    engine = candidate.variant.engine
    if not isinstance(engine, VllmArgs | ExternalArgs):
        return None
    return engine.request_tokens or candidate.profile.context_tokens


def thoughts(candidate: Candidate) -> Renaming | None:
    """Clients of chat read ``reasoning_content``."""
    return thoughts_renamed(candidate.variant.engine)


def name_at(candidate: Candidate) -> str:
    """What its backend knows the model as."""
    engine = candidate.variant.engine
    named = engine.served_model if isinstance(engine, ExternalArgs) else None
    return candidate.profile.id if named is None else named


def says(envelope: Envelope, field: str) -> bool:
    """Whether the client says something about ``field``; ``null`` says nothing."""
    given = envelope.get(field)
    return given is not None and bytes(given) != b"null"
