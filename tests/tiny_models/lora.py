# pyright: basic, reportMissingImports=false
# torch, diffusers and peft are not in the environment of the checks
"""A LoRA of random numbers for a tiny pipeline, in the file that ``load_lora_weights`` looks for. Never trained."""

from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline
from peft import LoraConfig, get_peft_model_state_dict

from tests.tiny_models.family import Family

TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
RANK = 4
STRENGTH = 1.0
"""Deviation of the numbers: much for a real model, enough to be seen in eight bits in a tiny one."""


def write(family: Family, pipe: DiffusionPipeline, folder: Path) -> None:
    """``pytorch_lora_weights.safetensors`` in ``folder``, for the pipeline's first denoiser."""
    denoiser: Any = getattr(pipe, family.denoiser)
    denoiser.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=TARGETS), adapter_name="tiny")
    numbers = torch.Generator().manual_seed(5)
    layers = {
        name: torch.randn(weight.shape, generator=numbers) * STRENGTH
        for name, weight in sorted(get_peft_model_state_dict(denoiser, adapter_name="tiny").items())
    }
    pipe.save_lora_weights(str(folder), **{f"{family.denoiser}_lora_layers": layers})
