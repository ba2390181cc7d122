"""A text request as an engine gets it: under the name it has there, with what its profile says, and within its context.

Only the top level is put together anew; what is inside stays as it came.
"""

import msgspec
from msgspec import Raw

from backends.contract import Task
from backends.external.args import ExternalArgs
from backends.registry import thoughts_renamed
from backends.translate.renamed_key import Renaming
from backends.vllm.args import VllmArgs
from backends.wire.envelope import Envelope
from gateway.routing.route import Candidate

_GENERATES = frozenset({Task.CHAT, Task.COMPLETION})
_TOKEN_LIMITS = ("max_tokens", "max_completion_tokens")
_limit = msgspec.json.Decoder(int | None)


def body_for(envelope: Envelope, candidate: Candidate, task: Task) -> bytes:
    """The request as ``candidate`` gets it: under the name it has there, with the profile's defaults and a limit of
    tokens that its context holds.
    """
    name = name_at(candidate)
    if task not in _GENERATES:
        return envelope.with_model(name)
    extra = {field: value for field, value in candidate.defaults.items() if not says(envelope, field)}
    if says(envelope, "max_completion_tokens"):
        extra.pop("max_tokens", None)
    if (most := _most_tokens(candidate)) is not None:
        for field in _TOKEN_LIMITS:
            given = envelope.get(field)
            if given is not None and (_limit.decode(given) or 0) > most:
                extra[field] = Raw(b"%d" % most)
    return envelope.with_model(name, extra)


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
