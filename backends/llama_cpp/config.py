"""What a worker process is told at its start, as one JSON file. Written by ``command``, read by ``worker``."""

from typing import Literal

from msgspec import Struct

from backends.llama_cpp.args import LlamaCppArgs

WorkerRuntime = Literal["llama_cpp_python", "xllamacpp"]


class WorkerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``context_tokens`` is the total over all ``slots``; ``queue`` bounds the generations that wait for a slot.

    ``tensor_split`` is the part of each visible card, for models that are spread over several; else it is empty.
    """

    model: str
    socket: str
    served_name: str
    runtime: WorkerRuntime
    slots: int
    context_tokens: int
    args: LlamaCppArgs
    tensor_split: tuple[float, ...] = ()
    queue: int = 256
    drain_seconds: float = 5.0

    @property
    def slot_context(self) -> int:
        """Tokens that one conversation may use, prompt and answer together."""
        return self.context_tokens // self.slots

    @property
    def threads(self) -> int:
        """Threads for computation; 0 lets the worker look at the machine."""
        return self.args.threads or 0
