# pyright: basic, reportMissingImports=false
# torch, diffusers and gguf are not in the environment of the checks
"""A denoiser as a GGUF file, as its publishers quantise one: matrices in 8 bits, the rest whole. Never a text model."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np
from diffusers import DiffusionPipeline

from tests.tiny_models.family import Family


def write(family: Family, pipe: DiffusionPipeline, folder: Path) -> None:
    """``denoiser.gguf`` in ``folder``, with the names that the library's own class has."""
    folder.mkdir()
    writer = gguf.GGUFWriter(str(folder / "denoiser.gguf"), family.name)
    denoiser: Any = getattr(pipe, family.denoiser)
    for name, weight in denoiser.state_dict().items():
        values = weight.float().numpy()
        if values.ndim == 2 and values.shape[1] % 32 == 0:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
