# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# torch and diffusers are not in the environment of the checks
"""LoRA adapters: loaded with the model, and for each job only those on that it asked for."""

from pathlib import Path
from typing import Any

from backends.diffusers.args import LoraFile
from backends.errors import BackendError, Cause
from backends.wire.media_job import Lora


class Adapters:
    """Of one set of components. Never fused: what is off leaves the model as it was."""

    def __init__(self, pipe: Any, loras: dict[str, LoraFile], parts: dict[str, str]) -> None:
        self._loras = loras
        for name, lora in loras.items():
            folder, file = _place(lora, parts)
            more = {"load_into_transformer_2": True} if lora.into == "transformer_2" else {}
            try:
                pipe.load_lora_weights(
                    folder, weight_name=file, adapter_name=name, local_files_only=True, use_safetensors=True, **more
                )
            except (ValueError, OSError, KeyError, RuntimeError, AttributeError) as error:
                raise BackendError(
                    Cause.LOAD_FAILED, f"the LoRA {name} does not fit this model", private=f"{error}"
                ) from None

    def check(self, wanted: tuple[Lora, ...]) -> None:
        """Raises ``BackendError(INVALID_REQUEST)`` for a name that is not there."""
        for i, each in enumerate(wanted):
            if each.name not in self._loras:
                known = ", ".join(sorted(self._loras)) or "none"
                raise BackendError(
                    Cause.INVALID_REQUEST,
                    f"no LoRA of that name here; there are: {known}",
                    param=f"loras[{i}].name",
                )

    def apply(self, pipe: Any, wanted: tuple[Lora, ...]) -> None:
        """Exactly these, and those that are always on."""
        if not self._loras:
            return
        scales = {name: lora.scale for name, lora in self._loras.items() if lora.always}
        scales.update({each.name: each.scale for each in wanted})
        if not scales:
            pipe.disable_lora()
            return
        pipe.enable_lora()
        pipe.set_adapters(list(scales), adapter_weights=list(scales.values()))


def _place(lora: LoraFile, parts: dict[str, str]) -> tuple[str, str | None]:
    folder = parts.get(lora.part)
    if folder is None:
        raise BackendError(Cause.LOAD_FAILED, f"the part {lora.part} is not there")
    path = Path(folder)
    return (str(path.parent), path.name) if path.is_file() else (folder, lora.file)
