"""What is said of a tiny pipeline: shapes only, and what the words mean. Importable without torch.

Tasks have the names they have in a media job, besides ``animate``, a clip that begins with a picture, and
``restyle``, a clip from a clip.
"""

from typing import Literal

from msgspec import Struct

Task = Literal["generate", "vary", "edit", "inpaint", "animate", "restyle"]
Layout = Literal["grid", "tokens", "frames", "frames_first"]
Value = bool | int | float | str | tuple[int | float, ...]


class Family(Struct, frozen=True, kw_only=True):
    """One folder of random weights.

    ``rows``: of the catalog. ``pipelines``: the class of each task that runs from these components; the first is the
    folder's own. ``denoiser``: its component, ``denoiser_2`` that of a second expert. ``cache``: the denoiser has
    ``enable_cache``. ``lora``: ``load_lora_weights`` takes the file of ``lora.py``. ``step_callback``: the pipelines
    have ``callback_on_step_end``.

    ``guidance``: the arguments that guide; with the first above one a negative prompt counts, where there is one.
    ``negative_prompt``: has the argument. ``call``: arguments that a tiny picture needs.

    ``multiple``: a side, in pixels, is a multiple of it, or the first pipeline refuses or rounds. ``area``: pixels
    that the pipeline makes of every size. ``sides``: width and height of the test's pictures, odd times ``multiple``.
    ``frames``: of a clip, ``whole_frames`` what the pipeline makes of them. ``audio``: has a sound. ``tiled``: decodes
    only by tiles.

    ``latents``: what the callback gets, after the batch: ``grid`` is channels, rows, columns; ``tokens`` is tokens,
    channels; ``frames`` is channels, frames, rows, columns; ``frames_first`` is frames, channels, rows, columns.
    ``latent_channels``: in that layout. ``latent_scale``: pixels of a side for a row or a token. ``latent_frames``:
    of a clip.
    """

    name: str
    rows: tuple[str, ...]
    pipelines: dict[Task, str]
    multiple: int
    denoiser: Literal["transformer", "unet"] = "transformer"
    denoiser_2: str | None = None
    cache: bool = False
    lora: bool = True
    step_callback: bool = True
    guidance: tuple[str, ...] = ("guidance_scale",)
    negative_prompt: bool = True
    latents: Layout = "grid"
    latent_channels: int = 16
    latent_scale: int = 8
    call: dict[str, Value] = {}
    frames: int | None = None
    whole_frames: int | None = None
    latent_frames: int = 1
    sides: tuple[int, int] = (80, 48)
    area: int | None = None
    audio: bool = False
    tiled: bool = False

    @property
    def pictures(self) -> frozenset[Task]:
        """Tasks whose result is a picture, if need be the only frame of a clip."""
        return frozenset(self.pipelines) if self.frames in (None, 1) else frozenset()
