# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# torch and diffusers are not in the environment of the checks
"""Where the components are: on the device, there only while they work, or in host RAM while nobody asks."""

import logging
from typing import Any

import torch

from backends.diffusers.args import DiffusersArgs
from backends.errors import BackendError, Cause

_log = logging.getLogger(__name__)


class Residence:
    """Of all pipelines over one set of components; ``pipe`` is the one that loaded them."""

    def __init__(self, pipe: Any, args: DiffusersArgs, device: str) -> None:
        self._pipe = pipe
        self._args = args
        self._device = device
        self._hooked: Any = None
        self._away = False
        self._plan = args.offload if device != "cpu" or args.offload == "group" else "none"
        if self._plan != args.offload:
            _log.warning("offload %s has nothing to do without a card", args.offload)
        self._place()

    def enter(self, pipe: Any) -> None:
        """Before a job of ``pipe``: model offload belongs to one pipeline at a time."""
        if self._plan == "model" and self._hooked is not pipe:
            if self._hooked is not None:
                self._hooked.remove_all_hooks()
            pipe.enable_model_cpu_offload(device=self._device)
            self._hooked = pipe

    def leave(self, pipe: Any) -> None:
        """After a job, however it ended: what it had on the device goes back."""
        if self._plan == "model":
            pipe.maybe_free_model_hooks()

    def offload(self) -> None:
        """Everything to host RAM."""
        if self._plan != "none":
            return  # it is there already but for what works
        if not self._away:
            self._pipe.to("cpu")
            self._away = True

    def onload(self) -> None:
        """Everything back. Raises ``BackendError(OUT_OF_MEMORY)``."""
        if self._away:
            self._place()
            self._away = False

    def _place(self) -> None:
        try:
            match self._plan:
                case "none":
                    self._pipe.to(self._device)
                case "group":
                    self._pipe.enable_group_offload(
                        onload_device=torch.device(self._device),
                        offload_device=torch.device("cpu"),
                        offload_type="leaf_level",
                        use_stream=self._device.startswith("cuda"),
                        record_stream=self._device.startswith("cuda"),
                    )
                case "model":
                    self.enter(self._pipe)
        except torch.cuda.OutOfMemoryError as error:
            self._pipe.to("cpu")
            raise BackendError(Cause.OUT_OF_MEMORY, "the model does not fit", private=str(error)) from None
