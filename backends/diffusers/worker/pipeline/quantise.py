# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# torch and diffusers are not in the environment of the checks
"""Components in less than 16 bits: what is decided while they load, and what is done to them afterwards."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from backends.diffusers.args import Quantise
from backends.errors import BackendError, Cause

Library = Mapping[str, tuple[str, str]]
"""Of a pipeline's components: the library and the class, as in its ``model_index.json``."""


def on_load(quantise: Mapping[str, Quantise], library: Library, dtype: torch.dtype) -> Any:
    """A ``PipelineQuantizationConfig``, or ``None`` when nothing is quantised while it loads."""
    mapping = {name: _config(kind, library.get(name, ("diffusers", ""))[0], dtype) for name, kind in quantise.items()}
    mapping = {name: config for name, config in mapping.items() if config is not None}
    if not mapping:
        return None
    from diffusers import PipelineQuantizationConfig

    return PipelineQuantizationConfig(quant_mapping=mapping)


def after_load(pipe: Any, quantise: Mapping[str, Quantise], dtype: torch.dtype) -> None:
    """Weights kept in 8 bits and widened layer by layer."""
    from diffusers.hooks import apply_layerwise_casting

    for name, kind in quantise.items():
        component = getattr(pipe, name, None)
        if kind != "fp8_layerwise" or component is None:
            continue
        if hasattr(component, "enable_layerwise_casting"):
            component.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=dtype)
        else:
            apply_layerwise_casting(
                component, storage_dtype=torch.float8_e4m3fn, compute_dtype=dtype,
                skip_modules_pattern=("shared", "embed", "norm", "lm_head", r"\.wo$"),  # T5 asks its last layer's dtype
            )  # fmt: skip


def from_gguf(component: str, part: str, folder: str, library: Library, dtype: torch.dtype) -> Any:
    """A component from a GGUF file; its configuration is the one in the pipeline's folder, never the hub's."""
    import diffusers

    path = Path(part)
    files = [path] if path.is_file() else sorted(path.rglob("*.gguf"))
    if len(files) != 1:
        raise BackendError(Cause.LOAD_FAILED, f"one GGUF file is needed for {component}, there are {len(files)}")
    kind = getattr(diffusers, library.get(component, ("", ""))[1], None)
    if kind is None:
        raise BackendError(Cause.LOAD_FAILED, f"the pipeline has no {component} that could come from a GGUF file")
    return kind.from_single_file(
        str(files[0]),
        config=folder,
        subfolder=component,
        quantization_config=diffusers.GGUFQuantizationConfig(compute_dtype=dtype),
        dtype=dtype,
        local_files_only=True,
    )


def _config(kind: Quantise, library: str, dtype: torch.dtype) -> Any:
    if library == "transformers":
        import transformers as package
    else:
        import diffusers as package
    match kind:
        case "nf4":
            return package.BitsAndBytesConfig(
                load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
            )
        case "int8":
            from torchao.quantization import Int8WeightOnlyConfig

            return package.TorchAoConfig(Int8WeightOnlyConfig())
        case _:
            return None
