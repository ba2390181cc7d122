"""Runs in the diffusers engine's environment: trains a very small emoji model in one go and in pieces.

Prints one line of JSON: which of the checkpoints' numbers differ, and how the exported folder draws.
"""

import io
import json
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from tools.train_emoji import data, model, training
from tools.train_emoji.vocabulary import SUBJECTS

SMALL = model.Recipe(
    vae_widths=(8, 8, 8), text_width=32, widths=(16, 16, 16), batch=4, vae_steps=4, steps=4, each=1
)  # fmt: skip


def archive(path: Path) -> Path:
    """A package as the real one is laid out, every picture in a colour of its own."""
    index = [
        {"short_names": [name], "image": f"{number}.png", "has_img_google": True}
        for number, name in enumerate(SUBJECTS.values())
    ]
    with tarfile.open(path, "w:gz") as package:
        _add(package, "package/emoji.json", json.dumps(index).encode())
        for number, entry in enumerate(index):
            picture = io.BytesIO()
            Image.new("RGBA", (64, 64), (number * 2, 255 - number * 2, 90, 255)).save(picture, "PNG")
            _add(package, f"package/img/google/64/{entry['image']}", picture.getvalue())
    return path


def _add(package: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    package.addfile(member, io.BytesIO(content))


def train(folder: Path, pool, *ends: int):
    """To each of ``ends`` in turn, from the checkpoints of the one before."""
    folder.mkdir()
    pictures, shown = pool
    for end in ends:
        recipe = replace(SMALL, vae_steps=end, steps=end)
        vae = training.train_vae(recipe, pictures, folder, "cpu")
    latents = training.latents_of(vae, pictures, "cpu")
    for end in ends:
        recipe = replace(SMALL, vae_steps=end, steps=end)
        parts = training.train_denoiser(recipe, latents, shown, folder, "cpu")
    return vae, parts


def numbers(value, path: str = "") -> dict[str, torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return {path: value}
    if isinstance(value, dict):
        return {name: each for key in value for name, each in numbers(value[key], f"{path}.{key}").items()}
    return {}


def main(scratch: Path) -> None:
    torch.set_num_threads(1)
    training.rate = lambda step, steps, most: most  # the schedule depends on the end; the pieces have other ends
    pool = data.pool(archive(scratch / "package.tgz"), SMALL.each, SMALL.seed)
    train(scratch / "whole", pool, 4)
    vae, (unet, text, tokenizer, scheduler) = train(scratch / "pieces", pool, 1, 3, 4)
    differ = []
    for name in ("vae.pt", "denoiser.pt"):
        one, other = (numbers(torch.load(scratch / kind / name, weights_only=True)) for kind in ("whole", "pieces"))
        differ += [key for key in one if not torch.equal(one[key], other[key])]
    pipe = StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=scheduler, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipe.save_pretrained(scratch / "made", safe_serialization=True)
    pipe = StableDiffusionPipeline.from_pretrained(scratch / "made")
    picture = pipe("a zebra riding an unknown thing", width=64, height=64, num_inference_steps=2).images[0]
    same = data.pool(scratch / "package.tgz", SMALL.each, SMALL.seed)
    print(json.dumps({
        "differ": differ, "pictures": len(pool[0]), "shown": sorted({f"{a}|{b}" for a, b in pool[1]}),
        "again": bool((same[0] == pool[0]).all()), "size": picture.size,
        "words": {word: len(tokenizer(word).input_ids) - 2 for word in ("cat", "strawberry", "zebra")},
    }))  # fmt: skip


main(Path(sys.argv[1]))
