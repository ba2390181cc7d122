# pyright: basic, reportMissingImports=false
# torch and diffusers are not in the environment of the checks
"""Makes every family's pipeline, writes it, reads it again and runs each task: what is found goes to stdout.

Runs in the engine's environment. Decides nothing: ``test_tiny_models.py`` holds the findings against the table.
"""

import inspect
import time
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import diffusers
import msgspec
import numpy as np
import torch
import transformers
from PIL import Image

from tests.tiny_models import lora
from tests.tiny_models.family import Family
from tests.tiny_models.findings import Adapter, Found, Made

STEPS = 2
GUIDANCE = ("guidance_scale", "true_cfg_scale", "guidance_scale_2", "audio_guidance_scale")
PROMPT = "a red apple on a blue table"


def run(folder: Path, families: list[Family]) -> None:
    """One line of JSON on stdout for each family, as soon as it is known."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for family in families:
        print(msgspec.json.encode(_found(family, folder / family.name)).decode(), flush=True)


def _found(family: Family, folder: Path) -> Found:
    started = time.perf_counter()
    made = import_module(f"tests.tiny_models.{family.name}").build()
    made.save_pretrained(str(folder))
    built = time.perf_counter()
    pipe = diffusers.DiffusionPipeline.from_pretrained(str(folder), local_files_only=True, use_safetensors=True)
    loaded = time.perf_counter()
    if family.tiled:
        pipe.vae.enable_tiling()
    denoiser = getattr(pipe, family.denoiser)
    tasks: dict[str, Made] = {}
    pictures: list[np.ndarray] = []
    for task, name in family.pipelines.items():
        tasks[task], picture = _task(family, _of(pipe, name), task)
        pictures.append(picture)
    return Found(
        family=family.name,
        kind=type(pipe).__name__,
        built=built - started,
        loaded=loaded - built,
        stored=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        tasks=tasks,
        cache=hasattr(denoiser, "enable_cache"),
        blocks=tuple(len(part) for part in denoiser.children() if isinstance(part, torch.nn.ModuleList)),
        guidance=_guidance(family, pipe, pictures[0]),
        negative=family.negative_prompt and _negative(family, pipe),
        lora=_adapter(family, pipe, made, pictures[0], folder.with_name(f"{family.name}-lora")),
    )


def _of(pipe: Any, name: str) -> Any:
    kind = getattr(diffusers, name)
    other = pipe if type(pipe) is kind else kind.from_pipe(pipe)
    other.set_progress_bar_config(disable=True)
    return other


def _task(family: Family, pipe: Any, task: str) -> tuple[Made, np.ndarray]:
    began = time.perf_counter()
    seen: list[torch.Tensor] = []
    first, audio = _run(family, pipe, task, 1, seen=seen)
    seconds = time.perf_counter() - began
    off = family.sides[0] + family.multiple // 2
    try:
        odd = _run(family, pipe, task, 1, sides=(off, family.sides[1]))[0]
    except (ValueError, RuntimeError):
        odd = None
    made = Made(
        kind=type(pipe).__name__,
        size=_size(first),
        frames=len(first) if first.ndim == 4 else 0,
        seconds=seconds,
        same=bool(np.array_equal(first, _run(family, pipe, task, 1)[0])),
        other=not np.array_equal(first, _run(family, pipe, task, 2)[0]),
        looked=task != "generate" and not np.array_equal(first, _run(family, pipe, task, 1, turned=True)[0]),
        varied=bool(np.isfinite(first).all() and first.std() > 0.002),
        arguments=tuple(inspect.signature(type(pipe).__call__).parameters),
        latents=tuple(seen[-1].shape) if seen else (),
        audio=audio,
        off_size=None if odd is None else _size(odd),
    )
    return made, first


def _run(
    family: Family,
    pipe: Any,
    task: str,
    seed: int,
    *,
    sides: tuple[int, int] | None = None,
    turned: bool = False,
    seen: list[torch.Tensor] | None = None,
    more: dict[str, Any] | None = None,
) -> tuple[np.ndarray, bool]:
    """The picture (rows, columns, colours) or clip (frames first), and whether there is sound."""
    arguments = _arguments(family, pipe, task, sides or family.sides, turned=turned) | (more or {})
    if seen is not None and family.step_callback:
        arguments["callback_on_step_end"] = lambda _pipe, _i, _t, given: seen.append(given["latents"]) or given
    output = pipe(**arguments, generator=torch.Generator().manual_seed(seed), output_type="np")
    made = output.images if hasattr(output, "images") else output.frames
    picture = np.asarray(made[0])
    if task in family.pictures and picture.ndim == 4:
        picture = picture[0]
    return picture, getattr(output, "audio", None) is not None


def _arguments(family: Family, pipe: Any, task: str, sides: tuple[int, int], *, turned: bool) -> dict[str, Any]:
    source = _picture(sides).transpose(Image.Transpose.ROTATE_180) if turned else _picture(sides)
    steps = STEPS * 2 if task in ("vary", "inpaint", "restyle") else STEPS
    given: dict[str, Any] = {"prompt": PROMPT, "num_inference_steps": steps, "width": sides[0], "height": sides[1]}
    if family.negative_prompt:
        given["negative_prompt"] = "blurry"
    if task != "generate":
        given["video"] = [source] * (family.frames or 1)
    if task not in ("generate", "restyle"):
        given["image"] = source
    if task in ("vary", "inpaint", "restyle"):
        given |= {"strength": 0.6, "mask_image": _mask(sides)}
    if family.frames is not None:
        given["num_frames"] = family.frames
    known = inspect.signature(type(pipe).__call__).parameters
    return {name: value for name, value in (given | family.call).items() if name in known}


def _picture(sides: tuple[int, int]) -> Image.Image:
    width, height = sides
    rows, columns = np.mgrid[0:height, 0:width]
    colours = np.stack([rows * 255 // height, columns * 255 // width, (rows * columns) % 256], axis=-1)
    return Image.fromarray(colours.astype(np.uint8))


def _mask(sides: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", sides, 0)
    mask.paste(255, (0, 0, sides[0] // 2, sides[1]))
    return mask


def _size(picture: np.ndarray) -> tuple[int, int]:
    return picture.shape[-2], picture.shape[-3]


def _guidance(family: Family, pipe: Any, plain: np.ndarray) -> tuple[str, ...]:
    """Arguments that change the picture, the others as the class has them."""
    names = inspect.signature(type(pipe).__call__).parameters
    return tuple(name for name in GUIDANCE if name in names and _guides(family, pipe, name, plain))


def _guides(family: Family, pipe: Any, name: str, plain: np.ndarray) -> bool:
    try:
        return not np.array_equal(plain, _first(family, pipe, {name: 9.0}))
    except ValueError:  # an argument for a second expert that is not there
        return False


def _negative(family: Family, pipe: Any) -> bool:
    guided = {family.guidance[0]: 4.0}
    one, other = (_first(family, pipe, guided | {"negative_prompt": words}) for words in ("blurry", "a green boat"))
    return not np.array_equal(one, other)


def _first(family: Family, pipe: Any, more: dict[str, Any] | None = None) -> np.ndarray:
    """The folder's own pipeline at the first task."""
    return _run(family, pipe, next(iter(family.pipelines)), 1, more=more)[0]


def _adapter(family: Family, pipe: Any, maker: Any, plain: np.ndarray, folder: Path) -> Adapter:
    try:
        lora.write(family, maker, folder)
        pipe.load_lora_weights(str(folder), adapter_name="tiny", local_files_only=True)
    except (AttributeError, ValueError, NotImplementedError) as error:
        return Adapter(refused=f"{type(error).__name__}: {error}"[:200])
    with_it = _first(family, pipe)
    pipe.set_adapters(["tiny"], adapter_weights=[0.0])
    without = _first(family, pipe)
    pipe.unload_lora_weights()
    after = _first(family, pipe)
    return Adapter(
        changed=bool(np.abs(with_it - plain).max() > 1 / 255),
        zero_same=bool(np.array_equal(plain, without)),
        unloaded_same=bool(np.array_equal(plain, after)),
    )
