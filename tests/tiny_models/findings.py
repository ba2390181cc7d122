"""What a check of a family found, one line of JSON each: facts, never a verdict. Importable without torch."""

from msgspec import Struct


class Made(Struct, frozen=True, kw_only=True):
    """Of one task. ``size``: width and height, ``frames`` of a clip (0 for a picture). ``same``: again with that seed.

    ``other``: another seed gave another. ``looked``: another source gave another, where there is one. ``varied``: not
    one colour. ``arguments`` of the call. ``off_size``: what came when a side was half a multiple too large; nothing
    when that was refused.
    """

    kind: str
    size: tuple[int, int]
    frames: int
    seconds: float
    same: bool
    other: bool
    looked: bool
    varied: bool
    arguments: tuple[str, ...]
    latents: tuple[int, ...] = ()
    audio: bool = False
    off_size: tuple[int, int] | None = None


class Adapter(Struct, frozen=True, kw_only=True):
    """Of the LoRA: ``refused`` says why it was not loaded."""

    refused: str = ""
    changed: bool = False
    zero_same: bool = False
    unloaded_same: bool = False


class Found(Struct, frozen=True, kw_only=True):
    """Of one family. Sizes are bytes, times are seconds.

    ``guidance``: arguments of the first pipeline with that word that change the picture. ``negative``: the negative
    prompt changes it. ``blocks``: lengths of the denoiser's lists of blocks.
    """

    family: str
    kind: str
    built: float
    loaded: float
    stored: int
    tasks: dict[str, Made]
    cache: bool
    blocks: tuple[int, ...]
    guidance: tuple[str, ...]
    negative: bool
    lora: Adapter
