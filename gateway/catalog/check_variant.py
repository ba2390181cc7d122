"""Rules of one variant: its engine has what it needs, its weights can be verified, its footprint is plausible. Pure."""

import re
from collections.abc import Iterator

from backends.diffusers.args import DiffusersArgs
from backends.diffusers.command import can_sleep
from backends.external.args import ExternalArgs
from backends.llama_cpp.args import LlamaCppArgs
from backends.vllm.args import VllmArgs
from gateway.catalog.check_diffusers import diffusers_findings
from gateway.catalog.check_vllm import vllm_findings
from gateway.catalog.finding import Finding
from gateway.catalog.problem import quoted
from gateway.catalog.profile import Footprint, Variant, WeightFile, Weights
from gateway.catalog.providers import url_fault

#: Weights may load a little smaller than their files (metadata, tokenizer), never much.
SMALLEST_SHARE = 0.9
_SOURCES = {
    "hf": (re.compile(r"hf:[\w.-]+/[\w.-]+(@[\w./-]+)?"), "hf:ORG/REPO or hf:ORG/REPO@COMMIT"),
    "pypi": (re.compile(r"pypi:[\w.-]+==[\w.+!-]+"), "pypi:DIST==VERSION"),
    "file": (re.compile(r"file:.+"), "file:PATH"),
    "bundled": (re.compile(r"bundled:[\w.-]+"), "bundled:NAME"),
}
#: Where nobody else can vouch for the bytes. The hub has digests of its own; a local file is the operator's.
_HASHED = frozenset({"pypi", "bundled"})


def variant_findings(variant: Variant) -> Iterator[Finding]:
    """Broken rules of ``variant``; places are relative to it."""
    engine = variant.engine
    if isinstance(engine, LlamaCppArgs):
        yield from _llama_cpp(engine, variant)
    elif isinstance(engine, DiffusersArgs):
        yield from diffusers_findings(engine, variant)
    elif isinstance(engine, VllmArgs):
        yield from vllm_findings(engine, variant)
    else:
        yield from _external(engine, variant)
    if variant.weights is not None:
        yield from _weights(variant.weights)
        yield from _footprint(variant.footprint, variant.weights)
    for name, part in variant.parts.items():
        yield from _weights(part, f"parts.{name}")
    yield from _sleep(variant)
    yield from _diffusion(variant)


def _llama_cpp(engine: LlamaCppArgs, variant: Variant) -> Iterator[Finding]:
    if variant.weights is None:
        yield Finding("engine", "llama_cpp needs weights")
    elif variant.weights.files and not any(f.path.endswith(".gguf") for f in variant.weights.files):
        yield Finding("weights.files", "llama_cpp needs a .gguf file")
    for name, value, least in (
        ("slots", engine.slots, 1),
        ("context_tokens", engine.context_tokens, 1),
        ("batch_tokens", engine.batch_tokens, 1),
        ("n_cpu_moe", engine.n_cpu_moe, 0),
        ("gpu_layers", engine.gpu_layers, -1),
        ("threads", engine.threads, 1),
    ):
        if value is not None and value < least:
            yield Finding(f"engine.{name}", f"expected {least} or more, got {value}")
    if engine.context_tokens < engine.slots:
        yield Finding("engine.context_tokens", "less than one token a slot", "it is the total over all slots")


def _external(engine: ExternalArgs, variant: Variant) -> Iterator[Finding]:
    if bool(engine.command) + (engine.url is not None) + bool(engine.urls) != 1:
        yield Finding("engine", "exactly one of command, url and urls is needed")
    if engine.command and not engine.command[0]:
        yield Finding("engine.command[0]", "the program's name is empty")
    yield from _urls(engine)
    if variant.replicas > 1 and not engine.command:
        yield Finding("replicas", "goes with command only", "a server that somebody else runs is one more of urls")
    if engine.served_model is not None and engine.command:
        yield Finding("engine.served_model", "goes with url or urls only")
    if engine.slots < 1:
        yield Finding("engine.slots", f"expected 1 or more, got {engine.slots}")
    if engine.context_tokens is not None and engine.context_tokens < 1:
        yield Finding("engine.context_tokens", f"expected 1 or more, got {engine.context_tokens}")
    for name in ("health_path", "sleep_path", "wake_path"):
        path = getattr(engine, name)
        if path is not None and not path.startswith("/"):
            yield Finding(f"engine.{name}", "expected a path that starts with /")
    if (engine.sleep_path is None) != (engine.wake_path is None):
        yield Finding("engine", "sleep_path and wake_path go together")
    if engine.sleep_path is not None and not engine.command:
        yield Finding("engine.sleep_path", "goes with command only")


def _urls(engine: ExternalArgs) -> Iterator[Finding]:
    named = [] if engine.url is None else [("engine.url", engine.url)]
    for place, url in (*named, *((f"engine.urls[{i}]", url) for i, url in enumerate(engine.urls))):
        if wrong := url_fault(url):
            yield Finding(place, wrong, "plain http is for loopback; elsewhere use https")
    for i, url in enumerate(engine.urls):
        if url in engine.urls[:i]:
            yield Finding(f"engine.urls[{i}]", f"{quoted(url)} is given twice")


def _weights(weights: Weights, place: str = "weights") -> Iterator[Finding]:
    kind = weights.source.partition(":")[0]
    pattern, form = _SOURCES[kind]
    if not pattern.fullmatch(weights.source):
        yield Finding(f"{place}.source", f"{quoted(weights.source)} is not of the form {form}")
    if not weights.files and weights.folder is None:
        yield Finding(f"{place}.files", "at least one file is needed", "or a folder, for pipelines of many files")
    if weights.files and weights.folder is not None:
        yield Finding(f"{place}.folder", "goes without files")
    if weights.folder is not None and kind == "pypi":
        yield Finding(f"{place}.folder", "a pypi: source names its files, each with its sha256")
    seen: set[str] = set()
    for i, file in enumerate(weights.files):
        where = f"{place}.files[{i}]"
        if not _inside(file):
            yield Finding(f"{where}.path", f"{quoted(file.path)} must be a path inside the source")
        if file.path in seen:
            yield Finding(f"{where}.path", f"{quoted(file.path)} is given twice")
        seen.add(file.path)
        if kind in _HASHED and file.sha256 is None:
            yield Finding(where, f"sha256 is needed for a {kind}: source")
        if file.bytes == 0:
            yield Finding(f"{where}.bytes", "a weight file is never empty")


def _inside(file: WeightFile) -> bool:
    parts = file.path.split("/")
    return "\\" not in file.path and "\0" not in file.path and not {"", ".", ".."} & set(parts)


def _footprint(footprint: Footprint, weights: Weights) -> Iterator[Finding]:
    files = sum(f.bytes for f in weights.files)  # of a folder, what is loaded differs: several precisions, parts unused
    held = footprint.weights_bytes + footprint.host_bytes
    if held < files * SMALLEST_SHARE:
        yield Finding(
            "footprint.weights_bytes",
            f"{footprint.weights_bytes} (and {footprint.host_bytes} on the host) is less than the files' {files} bytes",
            "weights_bytes counts what is loaded, host_bytes what stays in RAM",
        )


def _sleep(variant: Variant) -> Iterator[Finding]:
    able = isinstance(variant.engine, ExternalArgs) and variant.engine.sleep_path is not None
    if isinstance(variant.engine, DiffusersArgs):
        able = can_sleep(variant.engine)
    if isinstance(variant.engine, VllmArgs):
        able = variant.engine.sleeps
    if variant.footprint.sleep is not None and not able:
        yield Finding(
            "footprint.sleep",
            "the engine cannot sleep",
            "an external command with sleep_path can, vllm with sleeps, and diffusers without offload plans",
        )
    how, footprint = variant.footprint.sleep, variant.footprint
    if how is None or how.deep is None:
        return
    if not isinstance(variant.engine, VllmArgs):
        yield Finding("footprint.sleep.deep", "the engine cannot sleep without its weights", "only vllm can")
    if not how.wake_seconds <= how.deep.wake_seconds <= footprint.load_seconds:
        yield Finding(
            "footprint.sleep.deep.wake_seconds",
            f"expected from {how.wake_seconds:g} to {footprint.load_seconds:g}, got {how.deep.wake_seconds:g}",
            "between the other sleep and a load; else nobody would sleep so",
        )


def _diffusion(variant: Variant) -> Iterator[Finding]:
    activation = variant.footprint.activation
    if activation is None:
        return
    if isinstance(variant.engine, LlamaCppArgs | VllmArgs):
        yield Finding("footprint.activation", "is for diffusion; engines of texts have kv_bytes and compute_bytes")
    names = [component.name for component in activation.components]
    for i, name in enumerate(names):
        if name in names[:i]:
            yield Finding(f"footprint.activation.components[{i}].name", f"{quoted(name)} is given twice")
    if activation.offload == "model" and len(names) < 2:
        yield Finding("footprint.activation.offload", "model offload needs the sizes of two components or more")
