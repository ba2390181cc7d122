"""Why a model would be served the way it would: each candidate, its bytes, and what ``decide`` says now."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from backends.errors import BackendError
from backends.weights.term import Term
from gateway.catalog.profile import ModelProfile, Variant
from gateway.routing.route import Candidate, Route
from gateway.scheduling.choice import choose
from gateway.scheduling.decision import Join, Load, Refuse, Restart, Serve, Wait
from gateway.scheduling.placement import decide
from gateway.scheduling.policy import Policy
from gateway.scheduling.refusals import cooling
from gateway.scheduling.runtime import Runtime


class CandidateView(Struct, frozen=True, kw_only=True):
    """One candidate in the order it would be tried. Bytes; ``decision`` is what would happen now.

    ``terms`` are the arithmetic; a measurement (``source``) may have replaced what they come to.
    """

    variant: str
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


class Explanation(Struct, frozen=True, kw_only=True):
    """``serves`` names the variant that a request would get now, if any."""

    model: str
    serves: str | None
    candidates: list[CandidateView]
    fallbacks: list[str]


def explain(
    route: Route,
    runtime: Runtime,
    missing: Callable[[ModelProfile, Variant], BackendError | None],
    policy: Policy | None = None,
) -> Explanation:
    """The explanation of ``route``; asks nothing to happen."""
    rules = policy or runtime.scheduler.state.policy
    views = [_view(candidate, runtime, missing, rules) for candidate in route.candidates]
    able = [c for c, v in zip(route.candidates, views, strict=True) if v.available and v.decision != "refuse"]
    serves = None if not able else _chosen(able, runtime, rules)
    return Explanation(
        model=route.profile.id,
        serves=serves,
        candidates=views,
        fallbacks=[f"{', '.join(c.value for c in rule.when)} -> {rule.to}" for rule in route.fallbacks],
    )


def _chosen(able: list[Candidate], runtime: Runtime, policy: Policy) -> str:
    state = runtime.scheduler.state
    choice = choose([c.target for c in able], state.residents(), state.inventory, policy, runtime.now())
    return next(c.variant.name for c in able if c.target is choice.target)


def _view(
    candidate: Candidate,
    runtime: Runtime,
    missing: Callable[[ModelProfile, Variant], BackendError | None],
    policy: Policy,
) -> CandidateView:
    state = runtime.scheduler.state
    decision = decide(candidate.target, state.residents(), state.inventory, policy, runtime.now())
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
    failure = state.failures.get(candidate.target.variant_id)
    if isinstance(decision, Load) and failure is not None and runtime.now() < failure.until:
        word, why = "refuse", cooling(candidate.target, failure, runtime.now()).detail
    absent = missing(candidate.profile, candidate.variant)
    expected = candidate.expected
    return CandidateView(
        variant=candidate.variant.name,
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
