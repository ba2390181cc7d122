"""What a profile says about a model that a provider serves: typed fields, never a URL, never a key."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from backends.contract import Task

ProviderId = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
ModelId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$")]
Date = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Count = Annotated[int, Meta(ge=1)]
State = Literal["active", "ending", "retired"]


class Offer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provider's way to serve a profile; the provider's file is ``providers/PROVIDER.yaml``.

    ``model`` is its name there. ``tasks`` narrows the profile's. ``context_tokens`` are of one request,
    ``output_tokens`` the most of its answer. ``images``: it reads pictures. ``ends_on``: the day that the provider has
    announced. ``as_of``, ``source``: when and where all this was read. ``experimental``: not seen to work by anybody.

    The last four are for providers that speak Anthropic: how the model is asked to think, whether it takes temperatures
    and late system messages, and whether the provider shall keep what it has read for the next turn.
    """

    provider: ProviderId
    model: ModelId
    tasks: tuple[Task, ...] = ()
    context_tokens: Count | None = None
    output_tokens: Count | None = None
    images: bool = False
    state: State = "active"
    ends_on: Date | None = None
    as_of: Date
    source: str
    experimental: bool = False
    thinking: Literal["adaptive", "budget", "never"] = "adaptive"
    samples: bool = False
    late_system: bool = False
    caches: bool = False
