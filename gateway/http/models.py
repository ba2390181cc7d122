"""GET /v1/models and /v1/models/{id}: OpenAI's shape, plus a ``forebay`` object with what matters locally.

Who says which version of Anthropic's API he speaks gets the list in that shape.
"""

from datetime import UTC, datetime

from litestar import Request, get
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from backends.contract import Task
from backends.errors import BackendError, Cause
from gateway.catalog.listing import ModelListing, describe, served_context
from gateway.catalog.profile import ModelProfile
from gateway.http.services import Services
from gateway.routing.table import ANTHROPIC


class Model(Struct, frozen=True, kw_only=True):
    """One entry. ``created`` is when this gateway loaded its catalog, in seconds since the epoch.

    The context that would be served, in tokens, goes by the two names that clients look for.
    """

    id: str
    created: int
    display_name: str
    context_length: int | None
    max_model_len: int | None
    forebay: ModelListing
    object: str = "model"
    owned_by: str = "forebay"


class ModelList(Struct, frozen=True, kw_only=True):
    data: list[Model]
    object: str = "list"


class AnthropicModel(Struct, frozen=True, kw_only=True):
    """An entry as clients of Anthropic's dialect know it. Tokens; ``created_at`` in RFC 3339."""

    id: str
    display_name: str
    created_at: str
    max_input_tokens: int | None
    max_tokens: int | None
    lifecycle: str = "active"
    type: str = "model"


class AnthropicModelList(Struct, frozen=True, kw_only=True):
    data: list[AnthropicModel]
    first_id: str | None
    last_id: str | None
    has_more: bool = False


def model_routes(services: Services) -> list[HTTPRouteHandler]:
    """The two listings. Retired and unlisted profiles answer by id but are not listed."""

    def entry(profile: ModelProfile) -> Model:
        created = int(services.catalog.loaded_at or 0)
        listing = describe(profile, services.table().fits)
        context = served_context(listing)
        return Model(
            id=profile.id, created=created, display_name=profile.name, context_length=context, max_model_len=context,
            forebay=listing,
        )  # fmt: skip

    def known_elsewhere(profile: ModelProfile, prefix: str) -> AnthropicModel:
        context = served_context(describe(profile, services.table().fits))
        return AnthropicModel(
            id=prefix + profile.id,
            display_name=profile.name,
            created_at=datetime.fromtimestamp(services.catalog.loaded_at or 0, UTC).isoformat(timespec="seconds"),
            max_input_tokens=context,
            max_tokens=profile.limits.max_output_tokens or context,
        )

    @get("/v1/models", sync_to_thread=False)
    def listing(request: Request[None, None, State]) -> ModelList | AnthropicModelList:
        profiles = [p for p in services.catalog.catalog.profiles.values() if p.listed and p.lifecycle != "retired"]
        if "anthropic-version" not in request.headers:
            return ModelList(data=[entry(p) for p in profiles])
        chats = [p for p in profiles if Task.CHAT in p.tasks]
        data = [known_elsewhere(p, prefix) for p in chats for prefix in ("", ANTHROPIC)]
        ids = [model.id for model in data]
        return AnthropicModelList(data=data, first_id=ids[0] if ids else None, last_id=ids[-1] if ids else None)

    @get("/v1/models/{name:path}", sync_to_thread=False)
    def one(name: FromPath[str]) -> Model:
        wanted = name.removeprefix("/")
        if not wanted or len(wanted) > 256:
            raise BackendError(Cause.NOT_FOUND, "no such model", param="model")
        return entry(services.table().route(wanted).profile)

    return [listing, one]
