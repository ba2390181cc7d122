# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# torch and diffusers are not in the environment of the checks
"""From files to a pipeline on its device. Safetensors only, no remote code, no network."""

from pathlib import Path
from typing import Any

import diffusers
import msgspec
import torch
import transformers
from safetensors import SafetensorError

from backends.diffusers.args import Attention, ClassName, DiffusersArgs, PartClass
from backends.diffusers.config import WorkerConfig
from backends.diffusers.worker.pipeline.morph import StableDiffusionMorphPipeline
from backends.diffusers.worker.pipeline.quantise import Library, after_load, from_gguf, on_load
from backends.errors import BackendError, Cause

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
ATTENTION: dict[Attention, str] = {
    "native": "native", "math": "_native_math", "efficient": "_native_efficient", "cudnn": "_native_cudnn",
    "flash": "flash", "flash_3": "_flash_3", "sage": "sage", "xformers": "xformers", "flex": "flex",
}  # fmt: skip
"""The library's names of what profiles name; none of its kernels that are downloaded."""
_OURS = {kind.__name__: kind for kind in (StableDiffusionMorphPipeline,)}
_REFUSED = (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError, SafetensorError)


def load(config: WorkerConfig) -> Any:
    """The first of the profile's pipelines with all its components, in host memory.

    Raises ``BackendError``: ``OUT_OF_MEMORY``, or ``LOAD_FAILED`` with the library's own words in ``private``.
    """
    args = config.args
    name = next(iter(args.pipelines.values()))
    try:
        return _load(config, class_of(name))
    except (torch.cuda.OutOfMemoryError, MemoryError) as error:
        raise BackendError(Cause.OUT_OF_MEMORY, "the weights do not fit", private=str(error)) from None
    except _REFUSED as error:
        words = f"{type(error).__name__}: {error}"
        raise BackendError(Cause.LOAD_FAILED, f"{name} could not be loaded", private=words) from error


def class_of(name: ClassName) -> Any:
    """A pipeline's class. Raises ``BackendError(LOAD_FAILED)`` for a name that is not one."""
    kind = _OURS.get(name) or getattr(diffusers, name, None)
    if not (isinstance(kind, type) and issubclass(kind, diffusers.DiffusionPipeline)):
        raise BackendError(Cause.LOAD_FAILED, f"diffusers {diffusers.__version__} has no pipeline {name}")
    return kind


def sibling(pipe: Any, name: ClassName) -> Any:
    """A pipeline of another class over the same components, for another task."""
    kind = class_of(name)
    if isinstance(pipe, kind) and type(pipe) is kind:
        return pipe
    needed, optional = kind._get_signature_keys(kind)
    given = {**{key: value for key, value in pipe.config.items() if not key.startswith("_")}, **pipe.components}
    missing = [key for key in needed if key not in given and key not in kind._optional_components]
    if missing:
        raise BackendError(Cause.LOAD_FAILED, f"{name} needs {', '.join(missing)}, which the weights do not have")
    scalars = (bool, int, float, str, tuple, list)
    fields = {key: pipe.components.get(key) for key in needed}
    fields |= {key: given[key] for key in optional if key in pipe.components or isinstance(given.get(key), scalars)}
    return kind(**fields)


def _load(config: WorkerConfig, kind: Any) -> Any:
    args, dtype = config.args, DTYPES[config.args.dtype]
    if args.single_file:
        return kind.from_single_file(
            _one_file(config.folder),
            config=config.parts.get("config"),
            dtype=dtype,
            local_files_only=True,
            **args.config,
        )
    library = _library(Path(config.folder))
    given: dict[str, Any] = dict.fromkeys(args.omit)
    for part, how in args.parts.items():
        given[part] = _component(how, Path(config.parts[part]) / how.subfolder, dtype)
    for component, how in args.quantise.items():
        if how == "gguf":
            given[component] = from_gguf(component, config.parts[component], config.folder, library, dtype)
    pipe = kind.from_pretrained(
        config.folder,
        dtype=dtype,
        variant=args.file_variant,
        use_safetensors=True,
        local_files_only=True,
        quantization_config=on_load(args.quantise, library, dtype),
        **given,
        **args.config,
    )
    after_load(pipe, args.quantise, dtype)
    return pipe


def _component(how: PartClass, folder: Path, dtype: torch.dtype) -> Any:
    """A model gets the precision, a tokenizer takes none."""
    name = how.class_name
    kind = getattr(diffusers, name, None) or getattr(transformers, name, None)
    if kind is None:
        raise BackendError(Cause.LOAD_FAILED, f"neither diffusers nor transformers has a class {name}")
    if not issubclass(kind, torch.nn.Module):
        return kind.from_pretrained(str(folder), local_files_only=True, **how.config)
    return kind.from_pretrained(str(folder), dtype=dtype, use_safetensors=True, local_files_only=True, **how.config)


def _library(folder: Path) -> Library:
    try:
        index = msgspec.json.decode((folder / "model_index.json").read_bytes(), type=dict[str, msgspec.Raw])
    except (OSError, msgspec.DecodeError) as error:
        raise BackendError(Cause.LOAD_FAILED, "the weights have no model_index.json", private=str(error)) from None
    pairs: dict[str, tuple[str, str]] = {}
    for name, raw in index.items():
        try:
            pairs[name] = msgspec.json.decode(raw, type=tuple[str, str])
        except msgspec.ValidationError:
            continue  # a setting, or a component that is left out
    return pairs


def _one_file(folder: str) -> str:
    path = Path(folder)
    files = [path] if path.is_file() else sorted(path.rglob("*.safetensors"))
    if len(files) != 1:
        raise BackendError(Cause.LOAD_FAILED, f"one .safetensors file is needed, there are {len(files)}")
    return str(files[0])


def tune(pipe: Any, args: DiffusersArgs) -> None:
    """Decoder and kernels, as the profile says."""
    vae = getattr(pipe, "vae", None) or getattr(pipe, "movq", None)
    if args.vae_tiling:
        _require(vae, "enable_tiling", "decode in tiles")()
    if args.vae_slicing:
        _require(vae, "enable_slicing", "decode one by one")()
    denoiser = getattr(pipe, "transformer", None) or getattr(pipe, "unet", None)
    if args.attention != "native":
        _require(denoiser, "set_attention_backend", "change its attention")(ATTENTION[args.attention])
    if args.compile:
        _require(denoiser, "compile_repeated_blocks", "be compiled by blocks")(fullgraph=True)


def _require(component: Any, method: str, what: str) -> Any:
    able = getattr(component, method, None)
    if able is None:
        raise BackendError(Cause.LOAD_FAILED, f"{type(component).__name__} cannot {what}")
    return able
