"""The ordered ways to serve a request. Data only."""

from typing import Literal

from msgspec import Raw, Struct

from backends.cloud.offer import Offer
from backends.cloud.provider import Provider
from backends.contract import Reply
from gateway.catalog.profile import FallbackRule, ModelProfile, Variant
from gateway.scheduling.footprint import Expected
from gateway.scheduling.lease import Lease
from gateway.scheduling.target import Target

Where = Literal["local", "cloud"]


class Candidate(Struct, frozen=True, kw_only=True):
    """One variant that could serve. ``expected`` is the arithmetic behind the ``target``'s bytes.

    ``defaults`` are the profile's sampling defaults, encoded once. ``provider``: its id, where this is an offer of one.
    """

    profile: ModelProfile
    variant: Variant
    target: Target
    expected: Expected
    defaults: dict[str, Raw]
    provider: str = ""


class Offered(Struct, frozen=True, kw_only=True):
    """One offer of a profile with its provider; ``candidate`` is what calls are made from, under its name there.
    ``media``: it makes pictures or clips, and ``provider`` is what it is for those.
    """

    offer: Offer
    provider: Provider
    candidate: Candidate
    media: bool = False


class Route(Struct, frozen=True, kw_only=True):
    """What a model name stands for: candidates in the profile's order, and what may follow them. ``cloud``: who
    serves it elsewhere; a name may ask for one side only.

    ``replicated``: some of them are one variant several times over, and it matters which of those gets a request.
    ``instead_of``: the id of a model that is gone, to whose name this one answers.
    """

    profile: ModelProfile
    candidates: tuple[Candidate, ...]
    fallbacks: tuple[FallbackRule, ...] = ()
    replicated: bool = False
    cloud: tuple[Offered, ...] = ()
    instead_of: str = ""


class Opened(Struct, kw_only=True):
    """An answer at its commit point, with everything that has to be given back after it. ``nanousd``: what it has cost,
    in billionths of a dollar, where that is known by now.
    """

    reply: Reply
    lease: Lease
    candidate: Candidate
    attempts: int
    reason: str
    where: Where = "local"
    nanousd: int | None = None

    def close(self) -> None:
        """Stops the backend's work if it still runs, and gives the slot back. Idempotent."""
        self.reply.aclose()
        self.lease.release()
