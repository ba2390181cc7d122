"""What a diffusion pipeline takes besides its weights while it makes a picture or a clip. Pure.

Priors until a peak has been measured. Denoising holds some two dozen tensors of tokens x width; decoding holds feature
maps of full resolution, which without tiles is the peak of most image models. Fitted to what is known of whole
families: a picture of 1 megapixel takes 2 to 3 GB, a clip of 81 frames at 480p 6 to 10 GB.
"""

from typing import Literal

from msgspec import Struct

Family = Literal[
    "sd", "sdxl", "sd3", "flux", "flux2", "qwen_image", "hidream", "pixart", "kandinsky", "auraflow", "z_image",
    "wan", "wan_5b", "wan_1_3b", "hunyuan_video", "framepack", "ltx", "ltx2", "cogvideox", "mochi", "allegro",
    "animatediff",
]  # fmt: skip
Precision = Literal["bf16", "fp8", "nf4", "stored"]
Offload = Literal["none", "model", "group"]

CONTEXT_BYTES = 1_500_000_000
"""What a process with CUDA, cuDNN and its workspaces holds before any weight."""
GROUP_BYTES = 2_000_000_000
"""Blocks on the card at once under group offload: the one that computes and the one being copied."""
_LIVE_TENSORS = 24
_TEXT_TOKENS = 512
_TILE_PIXELS = 512 * 512
_TILE_FRAMES = 16
_PERCENT: dict[Precision, int] = {"bf16": 100, "fp8": 50, "nf4": 28, "stored": 100}


class Prior(Struct, frozen=True):
    """``patch`` pixels a token's side, ``stride`` frames a latent frame, ``width`` of the transformer (or of the
    widest level of a U-Net), ``decode`` bytes a pixel while decoding; ``whole``: all frames are decoded at once."""

    patch: int
    stride: int
    width: int
    decode: int
    whole: bool = False


PRIORS: dict[Family, Prior] = {
    "sd": Prior(8, 1, 320, 2600), "sdxl": Prior(16, 1, 1280, 2600), "sd3": Prior(16, 1, 2432, 2600),
    "flux": Prior(16, 1, 3072, 2600), "flux2": Prior(16, 1, 6144, 2600), "qwen_image": Prior(16, 1, 3072, 3000),
    "hidream": Prior(16, 1, 2560, 2600), "pixart": Prior(16, 1, 1152, 2600), "kandinsky": Prior(16, 1, 1536, 2600),
    "auraflow": Prior(16, 1, 3072, 2600), "z_image": Prior(16, 1, 3840, 2600),
    "wan": Prior(16, 4, 5120, 10000), "wan_5b": Prior(32, 4, 3072, 6700), "wan_1_3b": Prior(16, 4, 1536, 10000),
    "hunyuan_video": Prior(16, 4, 3072, 700, whole=True), "framepack": Prior(16, 4, 3072, 700, whole=True),
    "ltx": Prior(32, 8, 2048, 200, whole=True),
    "ltx2": Prior(32, 8, 4096, 200, whole=True), "cogvideox": Prior(16, 4, 3072, 700, whole=True),
    "mochi": Prior(16, 6, 3072, 700, whole=True), "allegro": Prior(16, 4, 2304, 700, whole=True),
    "animatediff": Prior(8, 1, 320, 2600),
}  # fmt: skip
"""Source: patch, compression and width from each family's published ``config.json``; bytes a pixel from the widest
feature maps of its decoder in 16 bits."""


def loaded_bytes(stored: int, precision: Precision) -> int:
    """Of weights that take ``stored`` bytes in 16 bits (``stored``: as they are), what they take when loaded."""
    return stored * _PERCENT[precision] // 100


def denoise_bytes(family: Family, width: int, height: int, frames: int = 1, images: int = 1) -> int:
    """Bytes of the hidden states of all tokens at once."""
    prior = PRIORS[family]
    latent_frames = 1 + (max(1, frames) - 1) // prior.stride
    tokens = -(-width // prior.patch) * -(-height // prior.patch) * latent_frames + _TEXT_TOKENS
    return tokens * prior.width * 2 * _LIVE_TENSORS * max(1, images)


def decode_bytes(family: Family, width: int, height: int, frames: int = 1, *, tiled: bool = False) -> int:
    """Bytes of the feature maps while one picture or clip is decoded; pictures of a batch follow one another."""
    prior = PRIORS[family]
    pixels, at_once = width * height, max(1, frames) if prior.whole else 1
    if tiled:
        pixels, at_once = min(pixels, _TILE_PIXELS), min(at_once, _TILE_FRAMES)
    return pixels * at_once * prior.decode
