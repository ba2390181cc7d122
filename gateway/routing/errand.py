"""Who asks a provider for something, what they may, and what it may cost: travels with a request. Data only."""

from msgspec import Struct

from backends.contract import Task
from gateway.routing.abroad import Abroad, Journal
from gateway.routing.egress import Permit
from gateway.spending.budget import Budget
from gateway.spending.cost import Wanted

NOTHING = Budget()


class Errand(Struct, frozen=True, kw_only=True):
    """``key`` pays, within ``budget``. ``wanted``: what is known of the call before it is made.
    ``task``: what it asks for, where offers may be for less than the profile is. ``shows``: there are pictures in it.
    ``journal``: where work that outlives this process is written down; ``abroad``: what was begun there before.
    """

    permit: Permit = Permit()
    key: str = ""
    budget: Budget = NOTHING
    wanted: Wanted = Wanted()
    task: Task | None = None
    shows: bool = False
    journal: Journal | None = None
    abroad: Abroad | None = None


NOWHERE = Errand()
"""Nothing leaves, whatever the profile says."""
