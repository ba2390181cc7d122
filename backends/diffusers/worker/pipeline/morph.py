# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# torch and diffusers are not in the environment of the checks
"""A clip from a model of pictures: one picture turns into another, since what lies between them is a picture too.

``a cat to a lion`` goes from prompt to prompt, a single prompt comes out of what the model makes of none; always over
the same noise. It has the arguments of a pipeline for clips, so that the rest of the worker sees no difference.
"""

import re
from collections.abc import Sequence
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from diffusers.pipelines.animatediff.pipeline_output import AnimateDiffPipelineOutput

AT_ONCE = 8
"""Pictures in one call: their memory is that of so many."""
_BETWEEN = re.compile(r"\s+to\s+|\s*->\s*|\s*→\s*")
_REST = 0.12
"""Of the way at both of its ends, where the picture stands still to be seen."""


class StableDiffusionMorphPipeline(StableDiffusionPipeline):
    """Output: ``frames``, a list with one clip, a list of ``PIL.Image``."""

    def sections_of(self, frames: int) -> int:
        """In how many parts a clip is made, each with all its steps."""
        return -(-frames // AT_ONCE)

    @torch.no_grad()
    def __call__(
        self,
        prompt: str,
        num_frames: int,
        num_inference_steps: int = 20,
        width: int | None = None,
        height: int | None = None,
        guidance_scale: float = 4.0,
        negative_prompt: str | None = None,
        generator: torch.Generator | None = None,
    ) -> AnimateDiffPipelineOutput:
        keys, unwanted = self._embedded(stops(prompt), negative_prompt)
        noise = self._noise(width, height, generator)
        pictures: list[Any] = []
        places = [eased(number / max(1, num_frames - 1)) for number in range(num_frames)]
        for first in range(0, num_frames, AT_ONCE):
            part = places[first : first + AT_ONCE]
            made = super().__call__(
                prompt_embeds=torch.cat([between(keys, place) for place in part]),
                negative_prompt_embeds=unwanted.expand(len(part), -1, -1),
                latents=noise.expand(len(part), -1, -1, -1),
                width=width,
                height=height,
                num_inference_steps=num_inference_steps,
                guidance_scale=guidance_scale,
            )
            pictures += made.images
        return AnimateDiffPipelineOutput(frames=[pictures])

    def _embedded(self, prompts: Sequence[str], negative: str | None) -> tuple[list[torch.Tensor], torch.Tensor]:
        found = [self.encode_prompt(each, self._execution_device, 1, True, negative or "") for each in prompts]
        return [wanted for wanted, _ in found], found[0][1]

    def _noise(self, width: int | None, height: int | None, generator: torch.Generator | None) -> torch.Tensor:
        side = self.unet.config.sample_size * self.vae_scale_factor
        shape = (self.unet.config.in_channels, height or side, width or side)
        return self.prepare_latents(1, *shape, self.unet.dtype, self._execution_device, generator)


def stops(prompt: str) -> list[str]:
    """The prompts on the way, two at least. Of ``a cat to a lion on pink`` both are on pink."""
    found = [part for part in _BETWEEN.split(prompt) if part.strip()] or [prompt]
    if len(found) == 1:
        return ["", *found]
    _, on, ground = found[-1].partition(" on ")
    return [part if " on " in part else f"{part}{on}{ground}" for part in found]


def eased(place: float) -> float:
    """Of a time from 0 to 1, how far it has come: at rest at first and at last, smooth between."""
    moved = min(1.0, max(0.0, (place - _REST) / (1 - 2 * _REST)))
    return moved * moved * (3 - 2 * moved)


def between(keys: Sequence[torch.Tensor], place: float) -> torch.Tensor:
    """What lies at ``place``, from 0 to 1, on the way along ``keys``: on the arc, so that it stays as strong."""
    at = place * (len(keys) - 1)
    index = min(int(at), len(keys) - 2)
    return slerp(keys[index], keys[index + 1], at - index)


def slerp(first: torch.Tensor, last: torch.Tensor, share: float) -> torch.Tensor:
    """From one direction to another; where they are the same, along the line between."""
    cosine = torch.nn.functional.cosine_similarity(first.flatten(), last.flatten(), dim=0).clamp(-1.0, 1.0)
    angle = torch.arccos(cosine)
    if angle < 1e-3:
        return torch.lerp(first, last, share)
    return (torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * last) / torch.sin(angle)
