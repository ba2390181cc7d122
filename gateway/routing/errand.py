"""Who asks a provider for something, what they may, and what it may cost: travels with a request. Data only."""

from msgspec import Struct

from gateway.routing.egress import Permit
from gateway.spending.budget import Budget
from gateway.spending.cost import Wanted

NOTHING = Budget()


class Errand(Struct, frozen=True, kw_only=True):
    """``key`` pays, within ``budget``. ``wanted``: what is known of the call before it is made."""

    permit: Permit = Permit()
    key: str = ""
    budget: Budget = NOTHING
    wanted: Wanted = Wanted()


NOWHERE = Errand()
"""Nothing leaves, whatever the profile says."""
