# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# torch and diffusers are not in the environment of the checks
"""Latents in the middle of a job as pictures, for the families whose decoders are known here; ``None`` for the rest."""

from typing import Any

import torch


def pictures(pipe: Any, latents: Any, width: int, height: int) -> list[Any] | None:
    """One picture for each row of ``latents``, by the pipeline's own decoder."""
    vae = getattr(pipe, "vae", None)
    processor = getattr(pipe, "image_processor", None)
    if vae is None or processor is None or not hasattr(vae, "config"):
        return None
    if latents.ndim == 3:
        unpack = getattr(pipe, "_unpack_latents", None)
        if unpack is None:
            return None
        latents = unpack(latents, height, width, pipe.vae_scale_factor)
    with torch.no_grad():
        decoded = _decoded(vae, latents.to(device=vae.device, dtype=vae.dtype))
    return None if decoded is None else processor.postprocess(decoded, output_type="pil")


def _decoded(vae: Any, latents: Any) -> Any:
    config = vae.config
    if latents.ndim == 5:
        mean, spread = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
        if mean is None or spread is None or latents.shape[2] != 1:
            return None
        shape = (1, len(mean), 1, 1, 1)
        latents = latents * torch.tensor(spread).view(shape).to(latents) + torch.tensor(mean).view(shape).to(latents)
        return vae.decode(latents, return_dict=False)[0][:, :, 0]
    if latents.ndim != 4 or type(vae).__name__ not in ("AutoencoderKL", "AutoencoderTiny"):
        return None
    if latents.shape[1] != config.latent_channels:
        return None
    latents = latents / getattr(config, "scaling_factor", 1.0) + (getattr(config, "shift_factor", None) or 0.0)
    return vae.decode(latents, return_dict=False)[0]
