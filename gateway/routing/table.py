"""From a model name to a route, once per name and catalog: the hot path is one dict lookup.

Successful names only are kept, and only so many, so that hostile names cost no memory.
"""

from collections.abc import Callable

from msgspec import Raw, json
from msgspec.structs import replace

from backends.errors import BackendError, Cause
from gateway.catalog.catalog import Catalog
from gateway.catalog.names import Resolution
from gateway.catalog.profile import ModelProfile, Variant
from gateway.catalog.resolve import resolve
from gateway.catalog.substitutes import Substitutes
from gateway.routing.offered import offered
from gateway.routing.replicas import count, nth
from gateway.routing.route import Candidate, Offered, Route
from gateway.routing.succession import Succession
from gateway.routing.targets import target_of, variant_id
from gateway.scheduling.demand import Demand
from gateway.scheduling.footprint import ANY_SIZE, Footprints
from gateway.scheduling.replica import base_of, number_of

_MOST_NAMES = 4096
ANTHROPIC = "anthropic/"
"""Before names in a list for clients that keep no others."""
_NONE = Substitutes()
_NOBODY = Succession()


class RouteTable:
    """Routes of one catalog generation; a reload makes a new table."""

    def __init__(
        self,
        catalog: Catalog,
        footprints: Footprints,
        fits: Callable[[Variant], bool],
        substitutes: Substitutes = _NONE,
        succession: Succession = _NOBODY,
    ) -> None:
        self.catalog = catalog
        self._succession = succession
        self._day = succession.day()
        self._substitutes = substitutes
        self._footprints = footprints
        self.fits = fits
        self._routes: dict[str, Route] = {}

    def route(self, name: str) -> Route:
        """The route of ``name``. Raises ``BackendError(NOT_FOUND)`` with the nearest names."""
        if (day := self._succession.day()) != self._day:  # a model may have ended at midnight
            self._day = day
            self._routes.clear()
        known = self._routes.get(name)
        if known is not None:
            return known
        found, only = self._find(name)
        asked = found.profile
        profile = self._succession.of(asked, self.catalog.profiles) if found.variant is None else asked
        variants = (found.variant,) if found.variant is not None else profile.variants
        if found.pinned_side == "cloud":
            variants = ()
        numbers = ((variant, range(1, count(variant) + 1) if only is None else (only,)) for variant in variants)
        route = Route(
            profile=profile,
            candidates=tuple(self.candidate(profile, v, replica=n) for v, several in numbers for n in several),
            fallbacks=() if found.variant is not None else profile.fallbacks,
            replicated=only is None and any(count(variant) > 1 for variant in variants),
            cloud=() if found.variant is not None or found.pinned_side == "local" else self._offered(profile),
            instead_of="" if profile is asked else asked.id,
        )
        # Selectors depend on the machine's state, so they are asked anew each time.
        if len(self._routes) < _MOST_NAMES and found.matched != "selector":
            self._routes[name] = route
        return route

    def _offered(self, profile: ModelProfile) -> tuple[Offered, ...]:
        return offered(profile, self.catalog.providers, self.candidate)

    def _find(self, name: str) -> tuple[Resolution, int | None]:
        """What ``name`` means, and which replica it asks for, if it asks for one: operators do, and launchers."""
        number = number_of(name)
        if number not in (1, None):
            found = self._resolve(base_of(name))
            if found.variant is not None and number <= count(found.variant):
                return found, number
        return self._resolve(name), None

    def _resolve(self, name: str) -> Resolution:
        """The catalog's own names, where they run here, then the operator's, then the rest of the catalog's, then
        the default, if there is one.
        """
        name = name.removeprefix(ANTHROPIC)
        known = self.catalog.names.whole(name)
        instead = None if known is not None and known.profile.variants else self._substitutes.of(name)
        try:
            return resolve(self.catalog, instead or name, self.fits)
        except BackendError as error:
            default = self._substitutes.default
            if error.cause is not Cause.NOT_FOUND or default is None or instead is not None:
                raise
            return resolve(self.catalog, default, self.fits)

    def sized(self, route: Route, demand: Demand) -> Route:
        """The same route for a request of a size: what its candidates need may depend on it."""
        if not demand.bucket:
            return route
        sized = (
            self.candidate(c.profile, c.variant, demand, replica=number_of(c.target.variant_id) or 1)
            for c in route.candidates
        )
        return replace(route, candidates=tuple(sized))

    def forget(self) -> None:
        """Figures have moved: routes are made anew when they are asked for."""
        self._routes.clear()

    def candidate(
        self, profile: ModelProfile, variant: Variant, demand: Demand = ANY_SIZE, *, replica: int = 1
    ) -> Candidate:
        """The candidate of one variant, with what the scheduler has to know of it for ``demand``."""
        variant = nth(variant, replica)
        defaults = json.decode(json.encode(profile.defaults), type=dict[str, Raw])
        most = profile.limits.max_output_tokens
        if most is not None and (profile.defaults.max_tokens or most) >= most:
            defaults["max_tokens"] = Raw(json.encode(most))
        name = variant_id(profile.id, variant)
        expected = self._footprints.expected(name, variant, demand)
        seconds = self._footprints.load_seconds(name, variant)
        target = target_of(profile.id, variant, expected.device_bytes, expected.host_bytes, seconds, replica)
        return Candidate(profile=profile, variant=variant, target=target, expected=expected, defaults=defaults)
