"""Why a model would be served the way it would: each variant, its bytes, and what would be decided now."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from backends.errors import BackendError
from backends.weights.term import Term
from gateway.catalog.profile import ModelProfile, Variant
from gateway.routing.route import Candidate, Offered, Route
from gateway.scheduling.choice import Choice, choose
from gateway.scheduling.decision import Join, Load, Refuse, Restart, Serve, Wait
from gateway.scheduling.policy import Policy
from gateway.scheduling.refusals import cooling
from gateway.scheduling.replica import base_of
from gateway.scheduling.runtime import Runtime


class CandidateView(Struct, frozen=True, kw_only=True):
    """One candidate in the order it would be tried. Bytes; ``decision`` is what would happen now.

    ``terms`` are the arithmetic; a measurement (``source``) may have replaced what they come to.
    """

    variant: str
    replicas: int
    engine: str
    weights_bytes: int
    kv_bytes: int
    compute_bytes: int
    device_bytes: int
    host_bytes: int
    source: Literal["computed", "measured", "declared"]
    measured_at: str
    terms: tuple[Term, ...]
    available: bool
    decision: str
    why: str


class OfferView(Struct, frozen=True, kw_only=True):
    """One provider, in the order they would be asked. ``open``: the asker's requests may go there; else ``why`` not."""

    provider: str
    model: str
    open: bool
    why: str


class Explanation(Struct, frozen=True, kw_only=True):
    """``serves`` names the variant that a request would get now, if any. ``instead_of``: a model that is gone."""

    model: str
    serves: str | None
    candidates: list[CandidateView]
    fallbacks: list[str]
    offers: list[OfferView] = []
    instead_of: str = ""


def explain(
    route: Route,
    runtime: Runtime,
    missing: Callable[[ModelProfile, Variant], BackendError | None],
    policy: Policy | None = None,
    objection: Callable[[Offered], str | None] | None = None,
) -> Explanation:
    """The explanation of ``route``; asks nothing to happen. ``objection``: what stands against asking a provider."""
    rules = policy or runtime.scheduler.state.policy
    variants: dict[str, list[Candidate]] = {}
    for candidate in route.candidates:
        variants.setdefault(base_of(candidate.target.variant_id), []).append(candidate)
    views = [_view(replicas, runtime, missing, rules) for replicas in variants.values()]
    shown = zip(variants.values(), views, strict=True)
    able = [c for replicas, v in shown if v.available and v.decision != "refuse" for c in replicas]
    serves = None if not able else _chosen(able, runtime, rules).variant.name
    return Explanation(
        model=route.profile.id,
        serves=serves,
        candidates=views,
        fallbacks=[f"{', '.join(c.value for c in rule.when)} -> {rule.to}" for rule in route.fallbacks],
        offers=[] if objection is None else [_offer(route, offered, objection) for offered in route.cloud],
        instead_of=route.instead_of,
    )


def _offer(route: Route, offered: Offered, objection: Callable[[Offered], str | None]) -> OfferView:
    said, spill = objection(offered), route.profile.spill
    if said is not None:
        why = said
    elif not route.candidates:
        why = "nothing here serves the model"
    elif spill is None:
        why = "by cloud/NAME only"
    else:
        why = "over the spillway"
        why += "" if spill.wait_seconds is None else f", also for a wait of more than {spill.wait_seconds:g} s"
    return OfferView(provider=offered.provider.id, model=offered.offer.model, open=said is None, why=why)


def _choice(able: list[Candidate], runtime: Runtime, policy: Policy) -> Choice:
    state = runtime.scheduler.state
    return choose([c.target for c in able], state.residents(), state.inventory, policy, runtime.now())


def _chosen(able: list[Candidate], runtime: Runtime, policy: Policy) -> Candidate:
    choice = _choice(able, runtime, policy)
    return next(c for c in able if c.target is choice.target)


def _view(
    replicas: list[Candidate],
    runtime: Runtime,
    missing: Callable[[ModelProfile, Variant], BackendError | None],
    policy: Policy,
) -> CandidateView:
    state = runtime.scheduler.state
    candidate = replicas[0]
    decision = _choice(replicas, runtime, policy).decision
    match decision:
        case Serve():
            word, why = "serve", "in memory, with a free slot"
        case Join():
            word, why = "join", "in memory or being loaded; the request would wait for a slot"
        case Load(placement):
            word, why = placement.step, placement.why
        case Restart(text):
            word, why = "load", text
        case Wait(_, text):
            word, why = "wait", text
        case Refuse(_, text):
            word, why = "refuse", text
    failure = state.failures.get(candidate.target.fails_as)
    if isinstance(decision, Load) and failure is not None and runtime.now() < failure.until:
        word, why = "refuse", cooling(candidate.target, failure, runtime.now()).detail
    absent = missing(candidate.profile, candidate.variant)
    expected = candidate.expected
    return CandidateView(
        variant=candidate.variant.name,
        replicas=len(replicas),
        engine=str(type(candidate.variant.engine).__struct_config__.tag),
        weights_bytes=expected.weights_bytes,
        kv_bytes=expected.kv_bytes,
        compute_bytes=expected.compute_bytes,
        device_bytes=candidate.target.device_bytes,
        host_bytes=expected.host_bytes,
        source=expected.source,
        measured_at=expected.measured_at,
        terms=expected.terms,
        available=absent is None,
        decision=word,
        why=why if absent is None or isinstance(decision, Refuse) else absent.detail,  # fetching would not make it fit
    )
