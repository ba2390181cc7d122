# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""``python -m tools.train_emoji [--device cuda] [--export FOLDER] [--sheet FILE]``: trains, or goes on where it ended.

Needs the diffusers engine's interpreter and npm. Everything it keeps is below the user's cache folder.
``--only export`` writes the pipeline from the last checkpoint, while a training may still run.
"""

import argparse
import os
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline

from tools.train_emoji import data, model, sheet, training


def main() -> None:
    parser = argparse.ArgumentParser(prog="tools.train_emoji")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--export", type=Path, help="Folder of the finished pipeline.")
    parser.add_argument("--sheet", type=Path, help="PNG file of the contact sheet.")
    parser.add_argument("--only", choices=("export",), help="Take the last checkpoint as it is.")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    recipe = model.GPU if asked.device.startswith("cuda") else model.CPU
    folder = _cache() / f"train-emoji-{asked.device.partition(':')[0]}"
    folder.mkdir(parents=True, exist_ok=True)
    pictures, shown = data.pool(data.fetch(folder), recipe.each, recipe.seed)
    if asked.only:
        recipe = _until_now(recipe, folder)
    vae = training.train_vae(recipe, pictures, folder, asked.device)
    latents = training.latents_of(vae, pictures, asked.device)
    unet, text, tokenizer, scheduler = training.train_denoiser(recipe, latents, shown, folder, asked.device)
    pipe = StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=scheduler, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    if asked.sheet:
        sheet.make(pipe, asked.sheet)
    if asked.export:
        pipe.to(dtype=torch.float16).save_pretrained(asked.export, safe_serialization=True)


def _until_now(recipe: model.Recipe, folder: Path) -> model.Recipe:
    """The same recipe, ended where its checkpoints are."""
    from dataclasses import replace

    steps = {name: torch.load(folder / f"{name}.pt", weights_only=True)["step"] for name in ("vae", "denoiser")}
    return replace(recipe, vae_steps=steps["vae"], steps=steps["denoiser"])


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "forebay"


main()
