# pyright: basic, reportMissingImports=false
"""The pipeline by itself, in the engine's interpreter: one picture for each line on stdin, its seconds on stdout."""

import base64
import io
import sys
import time

import torch
from diffusers import StableDiffusionPipeline


def main(folder: str, steps: int, side: int) -> None:
    torch.set_num_threads(1)
    pipe = StableDiffusionPipeline.from_pretrained(folder, use_safetensors=True, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    print("ready", flush=True)
    for _ in sys.stdin:
        begun = time.perf_counter()
        generator = torch.Generator("cpu").manual_seed(7)
        size = {"width": side, "height": side}
        picture = pipe("a cat", num_inference_steps=steps, guidance_scale=5.0, generator=generator, **size).images[0]
        made = time.perf_counter()
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        base64.b64encode(buffer.getvalue())
        print(f"{made - begun} {time.perf_counter() - begun}", flush=True)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
