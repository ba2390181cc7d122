"""In which order the candidates of a route are tried. Looks at who is in memory and how busy; changes nothing."""

from collections.abc import Callable, Sequence

from backends.contract import BackendState
from gateway.routing.affinity import Standing, preferred
from gateway.routing.pick import Ask
from gateway.routing.route import Candidate, Route
from gateway.scheduling.replica import base_of
from gateway.scheduling.scheduler import Scheduler
from gateway.scheduling.target import Target

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
        occupants = self._scheduler.occupants
        here = {
            c.target.variant_id
            for c in route.candidates
            if (o := occupants.get(c.target.variant_id)) and o.state in _HERE
        }
        if not route.replicated:
            return sorted(route.candidates, key=lambda c: (ask.outgrows(c), c.target.variant_id not in here))
        places = self._places(route, ask)

        def place(candidate: Candidate) -> tuple[bool, bool, int]:
            name = candidate.target.variant_id
            return ask.outgrows(candidate), name not in here and candidate.target.managed, places[name]

        return sorted(route.candidates, key=place)

    def _places(self, route: Route, ask: Ask) -> dict[str, int]:
        """By variant, in the profile's order; within one the ready replicas first, the best of them in front."""
        variants: dict[str, list[Target]] = {}
        for candidate in route.candidates:
            variants.setdefault(base_of(candidate.target.variant_id), []).append(candidate.target)
        names: list[str] = []
        for replicas in variants.values():
            standings = [standing for each in replicas if (standing := self._standing(each)) is not None]
            ready = preferred(ask.prefix, standings) if len(standings) > 1 else [each.id for each in standings]
            names += ready
            names += [each.variant_id for each in replicas if each.variant_id not in ready]
        return {name: place for place, name in enumerate(names)}

    def _standing(self, target: Target) -> Standing | None:
        name = target.variant_id
        occupant = self._scheduler.occupants.get(name)
        if (
            occupant is None
            and not target.managed
            and not self._scheduler.state.is_cooling(target, self._scheduler.state.now())
        ):
            return Standing(name, 0, open=True)  # a server that somebody else runs is there without a load
        if occupant is None or occupant.state is not BackendState.READY:
            return None
        return Standing(
            name, occupant.in_flight + occupant.waiting_inside, occupant.can_grant and not self._is_shut(name)
        )
