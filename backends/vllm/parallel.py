"""How a model is split over the cards that it was given. Pure."""

from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.vllm.args import VllmArgs


class Parallel(Struct, frozen=True, kw_only=True):
    """``pipeline`` stages, each with its tensors split over ``tensor`` cards. One machine: more are for Kubernetes."""

    tensor: int = 1
    pipeline: int = 1

    @property
    def world(self) -> int:
        """Processes that compute, one a card."""
        return self.tensor * self.pipeline


def parallel_of(args: VllmArgs, cards: int) -> Parallel:
    """The split over ``cards`` (0: none, on the CPU). Raises ``BackendError(LOAD_FAILED)`` for unequal stages."""
    if cards <= 1:
        return Parallel()
    if cards % args.pipeline:
        raise BackendError(Cause.LOAD_FAILED, f"{cards} cards cannot be split into {args.pipeline} equal stages")
    return Parallel(tensor=cards // args.pipeline, pipeline=args.pipeline)
