"""Decides which slot a new prompt gets and which memory it may reuse. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from backends.llama_cpp.worker.batch.slot import Slot, Work, common_prefix

LEAST_COPY = 16
"""Tokens below which a copy between slots, or waiting for one, is not worth its bookkeeping."""


class Placement(Struct, frozen=True, kw_only=True):
    """Use slot ``target``, with the first ``keep`` tokens of slot ``source`` (which may be the target itself).

    ``wait`` > 0: the busy ``source`` will soon hold ``wait`` tokens of the prompt; ``settle`` again then.
    """

    target: int
    source: int
    keep: int = 0
    wait: int = 0


def place(slots: Sequence[Slot], prompt: list[int], *, reuse: bool, sharing: bool) -> Placement | None:
    """Where ``prompt`` goes; ``None`` when every slot is busy.

    ``reuse`` false: compute everything. ``sharing``: the engine can copy memory between sequences.
    At least one token is always left to compute, since only computing gives an output.
    """
    idle = [slot for slot in slots if slot.work is None]
    if not idle:
        return None
    target = min(idle, key=lambda slot: (slot.last_used, slot.index))
    if not reuse or len(prompt) < 2:
        return Placement(target=target.index, source=target.index)
    best = max(idle, key=lambda slot: (_held(slot, prompt), slot.last_used))
    if not sharing or 2 * _held(best, prompt) > len(best.kept):
        target = best
    chosen = settle(slots, target, prompt, sharing=sharing)
    if sharing:
        later = max(slots, key=lambda slot: _coming(slot, prompt))
        if _coming(later, prompt) >= chosen.keep + LEAST_COPY:
            return Placement(target=target.index, source=later.index, wait=_coming(later, prompt))
    return chosen


def settle(slots: Sequence[Slot], target: Slot, prompt: list[int], *, sharing: bool) -> Placement:
    """The memory to use for ``prompt`` in ``target``: its own, or another slot's that holds clearly more."""
    own = _held(target, prompt)
    if sharing:
        other = max(slots, key=lambda slot: _held(slot, prompt))
        if _held(other, prompt) >= own + LEAST_COPY:
            return Placement(target=target.index, source=other.index, keep=_held(other, prompt))
    return Placement(target=target.index, source=target.index, keep=own)


def may_settle(slots: Sequence[Slot], work: Work) -> bool:
    """True when what ``work`` waits for is there, or will not come."""
    if work.waits_for is None:
        return False
    source = slots[work.waits_for]
    return source.prompt_left == 0 or len(source.kept) >= work.waits_until


def _held(slot: Slot, prompt: list[int]) -> int:
    return max(0, min(len(prompt) - 1, common_prefix(slot.kept, prompt)))


def _coming(slot: Slot, prompt: list[int]) -> int:
    """Tokens of ``prompt`` that a slot is computing now. Who waits is never waited for, so no circle can arise."""
    work = slot.work
    if work is None or work.embedding or work.waits_for is not None or slot.prompt_left == 0:
        return 0
    return min(len(prompt) - 1, common_prefix(work.prompt, prompt))
