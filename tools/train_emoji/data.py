# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""Pictures for training: one emoji on one colour, moved and scaled a little. Fetched once, made by a seed."""

import io
import json
import subprocess
import tarfile
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from tools.train_emoji.vocabulary import BACKGROUNDS, SUBJECTS, is_held

PACKAGE = "emoji-datasource-google@16.0.0"
SIDE = 64
_INSIDE = "package/img/google/64/"


def fetch(folder: Path) -> Path:
    """The package as the registry's own client gives it; once."""
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(folder.glob("emoji-datasource-google-*.tgz"))
    if not found:
        subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True)
        found = sorted(folder.glob("emoji-datasource-google-*.tgz"))
    return found[0]


def sprites(archive: Path) -> dict[str, Image.Image]:
    """The picture of each subject, RGBA, 64 pixels a side."""
    with tarfile.open(archive) as package:
        index = json.loads(_member(package, "package/emoji.json"))
        files = {name: entry["image"] for entry in index for name in entry["short_names"] if entry["has_img_google"]}
        raw = {word: _member(package, _INSIDE + files[name]) for word, name in SUBJECTS.items()}
    return {word: Image.open(io.BytesIO(data)).convert("RGBA") for word, data in raw.items()}


def _member(package: tarfile.TarFile, name: str) -> bytes:
    file = package.extractfile(name)
    if file is None:
        raise FileNotFoundError(name)
    return file.read()


def compose(sprite: Image.Image, background: str, random: Random, *, still: bool = False) -> Image.Image:
    """``sprite`` on a colour; ``still``: in the middle, as large as it is usually."""
    side = 58 if still else random.randint(52, 60)
    reach = 0 if still else (SIDE - side) // 2
    left = (SIDE - side) // 2 + (random.randint(-reach, reach) if reach else 0)
    top = (SIDE - side) // 2 + (random.randint(-reach, reach) if reach else 0)
    picture = Image.new("RGBA", (SIDE, SIDE), (*BACKGROUNDS[background], 255))
    picture.alpha_composite(sprite.resize((side, side), Image.Resampling.LANCZOS), (left, top))
    return picture.convert("RGB")


def pool(archive: Path, each: int, seed: int) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """``each`` pictures of every subject on every background: uint8 (N, 64, 64, 3), and what they show."""
    random = Random(seed)
    pictures: list[np.ndarray] = []
    shown: list[tuple[str, str]] = []
    for word, sprite in sprites(archive).items():
        for background in BACKGROUNDS:
            if is_held(word, background):
                continue
            for number in range(each):
                pictures.append(np.asarray(compose(sprite, background, random, still=number == 0)))
                shown.append((word, background))
    return np.stack(pictures), shown
