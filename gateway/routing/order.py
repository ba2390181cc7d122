"""In which order the candidates of a route are tried. Looks at who is in memory and how busy; changes nothing."""

from collections.abc import Callable, Sequence

from backends.contract import BackendState
from gateway.routing.affinity import Standing, preferred
from gateway.routing.pick import Ask
from gateway.routing.route import Candidate, Route
from gateway.scheduling.replica import base_of
from gateway.scheduling.scheduler import Scheduler

_HERE = frozenset((BackendState.READY, BackendState.STARTING))


class Order:
    """One per dispatcher. ``is_shut``: calls to that variant would be refused now, for it has failed."""

    def __init__(self, scheduler: Scheduler, is_shut: Callable[[str], bool]) -> None:
        self._scheduler = scheduler
        self._is_shut = is_shut

    def of(self, route: Route, ask: Ask) -> Sequence[Candidate]:
        """What is in memory first (no swap needed), else the profile's order of preference; too small ones last. Of
        replicas that are ready, the one first that has the request's prefix and is not busier than the others.
        """
        if len(route.candidates) < 2:
            return route.candidates
        if route.replicated:
            return self._of_replicas(route, ask)
        occupants = self._scheduler.occupants
        here = {
            c.target.variant_id
            for c in route.candidates
            if (o := occupants.get(c.target.variant_id)) and o.state in _HERE
        }
        return sorted(route.candidates, key=lambda c: (ask.outgrows(c), c.target.variant_id not in here))

    def _of_replicas(self, route: Route, ask: Ask) -> Sequence[Candidate]:
        """Variant by variant in the profile's order; of one the ready replicas first, the best of them in front."""
        state = self._scheduler.state
        now = state.now()
        variants: dict[str, list[Candidate]] = {}
        for candidate in route.candidates:
            variants.setdefault(base_of(candidate.target.variant_id), []).append(candidate)
        here: list[Candidate] = []
        away: list[Candidate] = []
        for replicas in variants.values():
            ready: dict[str, Candidate] = {}
            coming: list[Candidate] = []
            standings: list[Standing] = []
            for each in replicas:
                target = each.target
                name = target.variant_id
                occupant = state.occupants.get(name)
                if occupant is not None and occupant.state is BackendState.READY:
                    ready[name] = each
                    takes = occupant.can_grant and not self._is_shut(name)
                    standings.append(Standing(name, occupant.in_flight + occupant.waiting_inside, takes))
                elif occupant is not None:
                    (coming if occupant.state is BackendState.STARTING else away).append(each)
                elif target.managed or state.is_cooling(target, now):
                    away.append(each)
                else:  # a server that somebody else runs is there without a load
                    ready[name] = each
                    standings.append(Standing(name, 0, open=True))
            if len(standings) == 1:
                here += ready.values()
            elif standings:
                here += [ready[name] for name in preferred(ask.prefix, standings)]
            here += coming
        ordered = here + away
        return sorted(ordered, key=ask.outgrows) if ask.context_tokens else ordered
