"""What a profile says about a model that a provider serves: typed fields, never a URL, never a key."""

from typing import Literal

from msgspec import Struct

from backends.cloud.price import Price
from backends.cloud.scalars import Count, Date, ModelId, ProviderId
from backends.contract import Task

State = Literal["active", "ending", "retired"]


class Offer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One provider's way to serve a profile; the provider's file is ``providers/PROVIDER.yaml``.

    ``model`` is its name there. ``tasks`` narrows the profile's. ``context_tokens`` are of one request,
    ``output_tokens`` the most of its answer. ``images``: it reads pictures. ``ends_on``: the day that the provider has
    announced. ``as_of``, ``source``: when and where all this was read. ``experimental``: not seen to work by anybody.

    For providers that speak Anthropic: how the model is asked to think (``thinking``), whether it takes temperatures
    (``samples``) and late system messages, and whether the provider shall keep what it has read (``caches``).
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
    price: Price | None = None
