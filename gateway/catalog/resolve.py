"""A model name as a client sends it to the profile, variant and side it means. Pure; every request passes here.

Order: id or alias (as written, then any case), ``local/`` and ``cloud/`` pins, ``auto:`` selectors,
``profile:variant``, wildcards.
Whether the machine can serve the result is the router's question, except for selectors, which ask ``fits``.
"""

import difflib
from collections.abc import Callable

from backends.contract import Task
from backends.errors import BackendError, Cause
from gateway.catalog.catalog import Catalog
from gateway.catalog.names import Resolution, Side
from gateway.catalog.problem import quoted
from gateway.catalog.profile import ModelProfile, Variant

Fits = Callable[[Variant], bool]
MAX_NAME = 256
SELECTORS = {"chat": Task.CHAT, "image": Task.IMAGE, "video": Task.VIDEO}
TIERS = ("S", "A", "B", "C")
_LIFECYCLES = {"active": 0, "preview": 1, "ending": 2, "retired": 3}


def resolve(catalog: Catalog, name: str, fits: Fits) -> Resolution:
    """What ``name`` means. Raises ``BackendError``: ``NOT_FOUND`` with near names, ``CANNOT_FIT`` from a selector.

    ``fits`` says whether this machine can hold a variant; only selectors call it.
    """
    found = catalog.names.exact.get(name)
    if found is not None:
        return found
    if len(name) > MAX_NAME:
        raise _unknown(catalog, name)
    side: Side | None = None
    bare = name
    if name.startswith("local/"):
        side, bare = "local", name[6:]
    elif name.startswith("cloud/"):
        side, bare = "cloud", name[6:]
    found = _unpinned(catalog, bare, name, fits)
    if side is None:
        return found
    if side == "cloud" and found.variant is not None:
        raise _not_found(f"{quoted(name)} asks for the cloud and for a local variant; drop one of them")
    return Resolution(profile=found.profile, matched=found.matched, variant=found.variant, pinned_side=side)


def _unpinned(catalog: Catalog, name: str, asked: str, fits: Fits) -> Resolution:
    names = catalog.names
    found = names.whole(name)
    if found is not None:
        return found
    if name.startswith("auto:"):
        return _select(catalog, name, fits)
    head, colon, tail = name.rpartition(":")
    owner = names.whole(head) if colon else None
    if owner is not None:
        return _pinned(owner, tail)
    found = names.wild(name)
    if found is None:
        raise _unknown(catalog, asked)
    return found


def _pinned(owner: Resolution, tail: str) -> Resolution:
    profile = owner.profile
    variant = profile.variant(tail) or profile.variant(tail.lower())
    if variant is None:
        have = ", ".join(v.name for v in profile.variants[:8]) or "none"
        raise _not_found(f"model {profile.id} has no variant {quoted(tail)}; it has {have}")
    return Resolution(profile=profile, matched=owner.matched, variant=variant)


def _select(catalog: Catalog, name: str, fits: Fits) -> Resolution:
    """The best tier first; in a tier the settled model before the preview, then the largest that fits, then the id."""
    kind, _, tier = name[5:].partition(":")
    task = SELECTORS.get(kind)
    if task is None or (tier and tier not in TIERS):
        forms = ", ".join(f"auto:{k}" for k in SELECTORS)
        raise _not_found(f"no selector {quoted(name)}; there are {forms}, each with :S, :A, :B or :C after it")
    able = [p for p in catalog.profiles.values() if _serves(p, task) and tier in ("", p.tier)]
    if not able:
        raise _not_found(f"no local model answers {quoted(name)}")
    choices = [(p, v) for p in able if (v := next(filter(fits, p.variants), None)) is not None]
    if not choices:
        raise BackendError(Cause.CANNOT_FIT, f"no model for {quoted(name)} fits this machine", param="model")
    profile, variant = min(choices, key=lambda choice: _rank(*choice))
    return Resolution(profile=profile, matched="selector", variant=variant)


def _serves(profile: ModelProfile, task: Task) -> bool:
    return task in profile.tasks and profile.listed and profile.lifecycle != "retired" and bool(profile.variants)


def _rank(profile: ModelProfile, variant: Variant) -> tuple[int, int, int, str]:
    tier = TIERS.index(profile.tier) if profile.tier else len(TIERS)
    return tier, _LIFECYCLES[profile.lifecycle], -variant.footprint.device_bytes, profile.id


def _unknown(catalog: Catalog, name: str) -> BackendError:
    listed = [p.id for p in catalog.profiles.values() if p.listed and p.lifecycle != "retired"]
    bare = name[:80].rpartition("/")[2].partition(":")[0].lower()  # people write ORG/NAME and NAME:TAG elsewhere
    near = difflib.get_close_matches(bare, listed, n=3, cutoff=0.5)
    hint = f"; did you mean {', '.join(near)}?" if near else "; GET /v1/models lists what there is"
    return _not_found(f"no model {quoted(name)}{hint}")


def _not_found(detail: str) -> BackendError:
    return BackendError(Cause.NOT_FOUND, detail, param="model")
