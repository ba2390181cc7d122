# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
"""The contact sheet that a person judges: the held requests with what the model made of them."""

from pathlib import Path

import torch
from PIL import Image, ImageDraw

from tools.train_emoji.vocabulary import HELD

_SIDE, _COLUMNS, _TEXT = 128, 6, 18
STEPS, GUIDANCE, SEED = 20, 4.0, 1


def make(pipe, path: Path) -> None:
    """Two dozen pictures with their captions, into a PNG file."""
    rows = -(-len(HELD) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * (_SIDE + 8), rows * (_SIDE + _TEXT + 8)), (250, 250, 250))
    draw = ImageDraw.Draw(sheet)
    for number, prompt in enumerate(HELD):
        generator = torch.Generator("cpu").manual_seed(SEED + number)
        picture = pipe(
            prompt, width=64, height=64, num_inference_steps=STEPS, guidance_scale=GUIDANCE, generator=generator
        ).images[0]
        x, y = (number % _COLUMNS) * (_SIDE + 8) + 4, (number // _COLUMNS) * (_SIDE + _TEXT + 8) + 4
        sheet.paste(picture.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS), (x, y))
        draw.text((x, y + _SIDE + 2), prompt.replace(" background", ""), fill=(20, 20, 20))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, optimize=True)
