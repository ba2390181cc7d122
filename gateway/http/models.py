"""GET /v1/models and /v1/models/{id}: OpenAI's shape, plus a ``forebay`` object with what matters locally."""

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Struct

from backends.errors import BackendError, Cause
from gateway.catalog.listing import ModelListing, describe, served_context
from gateway.catalog.profile import ModelProfile
from gateway.http.services import Services


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
        listing = describe(profile, services.table().fits)
        context = served_context(listing)
        return Model(
            id=profile.id, created=created, display_name=profile.name, context_length=context, max_model_len=context,
            forebay=listing,
        )  # fmt: skip

    @get("/v1/models", sync_to_thread=False)
    def listing() -> ModelList:
        profiles = services.catalog.catalog.profiles.values()
        return ModelList(data=[entry(p) for p in profiles if p.listed and p.lifecycle != "retired"])

    @get("/v1/models/{name:path}", sync_to_thread=False)
    def one(name: FromPath[str]) -> Model:
        wanted = name.removeprefix("/")
        if not wanted or len(wanted) > 256:
            raise BackendError(Cause.NOT_FOUND, "no such model", param="model")
        return entry(services.table().route(wanted).profile)

    return [listing, one]
