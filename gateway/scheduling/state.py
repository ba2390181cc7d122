"""What the scheduler knows: the machine, who is in memory, who waits, who failed lately. Shared by its parts only."""

from backends.contract import BackendState
from gateway.scheduling.cooldown import Failure
from gateway.scheduling.device import Inventory
from gateway.scheduling.effects import Effects
from gateway.scheduling.journal import Journal
from gateway.scheduling.occupants import Occupants
from gateway.scheduling.policy import Policy
from gateway.scheduling.queue import TicketQueue
from gateway.scheduling.resident import Resident
from gateway.scheduling.target import Target


class State:
    """Mutable, of one scheduler."""

    def __init__(self, effects: Effects, inventory: Inventory, policy: Policy) -> None:
        self._effects = effects
        self.inventory = inventory
        self.policy = policy
        self.occupants = Occupants()
        self.queue = TicketQueue()
        self.journal = Journal()
        self.failures: dict[str, Failure] = {}

    def now(self) -> float:
        """Monotonic seconds, as the effects tell them."""
        return self._effects.now()

    def is_cooling(self, target: Target, now: float) -> bool:
        """It failed lately, and is not in memory all the same."""
        failure = self.failures.get(target.fails_as)
        if failure is None or now >= failure.until:
            return False
        occupant = self.occupants.get(target.variant_id)
        return occupant is None or occupant.state is BackendState.STOPPING

    def residents(self) -> list[Resident]:
        """Everybody in memory, as somebody sees them whom nobody owes anything."""
        now = self.now()
        return [self.occupants.snapshot(occupant, now) for occupant in self.occupants]
