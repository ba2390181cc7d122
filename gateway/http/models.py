"""GET /v1/models and /v1/models/{id}: OpenAI's shape, plus a ``forebay`` object with what matters locally.

Who says which version of Anthropic's API he speaks gets everything in that dialect: entries, pages and errors.
"""

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct, json

from backends.contract import Task
from backends.errors import BackendError, Cause
from backends.wire.anthropic_models import Model as AnthropicModel
from gateway.catalog.listing import ModelListing, describe, served_context
from gateway.catalog.profile import ModelProfile
from gateway.http.anthropic_models import PageAsked, model_of, page_of
from gateway.http.replies import exchange_of, speaks_anthropic
from gateway.http.services import Services
from gateway.routing.table import ANTHROPIC

Asked = Request[None, None, State]


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


def model_routes(services: Services) -> list[HTTPRouteHandler]:
    """The two listings. Retired and unlisted profiles answer by id but are not listed."""

    def entry(profile: ModelProfile) -> Model:
        created = int(services.catalog.loaded_at or 0)
        listing = describe(profile, services.table().fits, services.catalog.catalog.providers)
        context = served_context(listing)
        return Model(
            id=profile.id, created=created, display_name=profile.name, context_length=context, max_model_len=context,
            forebay=listing,
        )  # fmt: skip

    def known_elsewhere(profile: ModelProfile, name: str) -> AnthropicModel:
        context = served_context(describe(profile, services.table().fits))
        return model_of(name, profile, context, services.catalog.loaded_at or 0)

    def within_reach(profile: ModelProfile) -> bool:
        """What only providers serve is offered to clients only where this gateway asks providers at all."""
        return bool(profile.variants) or not profile.cloud or services.settings.cloud != "off"

    def named(name: str) -> ModelProfile:
        if not name or len(name) > 256:
            raise BackendError(Cause.NOT_FOUND, "no such model", param="model")
        return services.table().route(name).profile

    @get("/v1/models", sync_to_thread=False)
    def listing(request: Asked) -> ModelList | Response[bytes]:
        profiles = [p for p in services.catalog.catalog.profiles.values() if p.listed and within_reach(p)]
        if not speaks_anthropic(request.scope):
            return ModelList(data=[entry(p) for p in profiles if p.lifecycle != "retired"])
        chats = [p for p in profiles if Task.CHAT in p.tasks]
        data = [known_elsewhere(p, prefix + p.id) for p in chats for prefix in ("", ANTHROPIC)]
        query = request.query_params
        stages = [stage for name in ("lifecycle", "lifecycle[]") for stage in query.getall(name, [])]
        return _told(request, page_of(data, PageAsked.of(query, stages)))

    @get("/v1/models/{name:path}", sync_to_thread=False)
    def one(name: FromPath[str], request: Asked) -> Model | Response[bytes]:
        wanted = name.removeprefix("/")
        profile = named(wanted)
        if not speaks_anthropic(request.scope):
            return entry(profile)
        return _told(
            request, known_elsewhere(profile, (ANTHROPIC if wanted.startswith(ANTHROPIC) else "") + profile.id)
        )

    return [listing, one]


def _told(request: Asked, answer: Struct) -> Response[bytes]:
    """In Anthropic's dialect, whose clients look for the id of their request under a name of its own."""
    headers = {"request-id": exchange_of(request.scope).request_id}
    return Response(json.encode(answer), headers=headers, media_type="application/json")
