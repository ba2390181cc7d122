"""Rules of a vLLM variant. Pure; whether the installed vLLM knows its names is ``backends/vllm/known.py``'s affair."""

import re
from collections.abc import Iterator

from backends.vllm.args import VllmArgs
from backends.vllm.command import template_path
from gateway.catalog.finding import Finding
from gateway.catalog.problem import quoted
from gateway.catalog.profile import Variant

_PINNED = re.compile(r"(hf:.+@[0-9a-f]{40}|file:.+)")
_WITH_MODEL = frozenset({"eagle", "eagle3", "draft_model"})


def vllm_findings(engine: VllmArgs, variant: Variant) -> Iterator[Finding]:
    """Broken rules of ``variant``; places are relative to it."""
    if variant.weights is None:
        yield Finding("engine", "vllm needs weights")
    elif variant.weights.folder is None and not any(f.path == "config.json" for f in variant.weights.files):
        yield Finding("weights", "vllm needs a folder, or files with config.json among them")
    elif engine.remote_code and not _PINNED.fullmatch(variant.weights.source):
        yield Finding("engine.remote_code", "code that comes with the weights needs a source pinned to a commit")
    folder = None if variant.weights is None else variant.weights.folder
    if folder is not None and any(each.endswith(".py") for each in folder.include) and not engine.remote_code:
        yield Finding("weights.folder.include", "Python files are for engines with remote_code")
    if engine.images < 0:
        yield Finding("engine.images", f"expected 0 or more, got {engine.images}")
    if engine.template is not None and not template_path(engine.template).is_file():
        yield Finding("engine.template", f"there is no template {quoted(engine.template)} in backends/vllm/templates")
    if variant.split % engine.pipeline:
        yield Finding("engine.pipeline", f"{variant.split} cards cannot be split into {engine.pipeline} equal stages")
    if engine.expert_parallel and variant.split == 1:
        yield Finding("engine.expert_parallel", "goes with a split over several cards")
    if engine.sleeps != (variant.footprint.sleep is not None):
        yield Finding("engine.sleeps", "goes with footprint.sleep")
    if variant.footprint.kv_bytes == 0:
        yield Finding("footprint.kv_bytes", "vllm is told how large its cache may be", "of all its cards together")
    yield from _names(engine, variant)


def _names(engine: VllmArgs, variant: Variant) -> Iterator[Finding]:
    for i, name in enumerate(engine.loras):
        if name not in variant.parts:
            yield Finding(f"engine.loras[{i}]", f"there is no {quoted(name)} among the variant's parts")
    guess = engine.speculation
    if guess is None:
        return
    if (guess.method in _WITH_MODEL) != (guess.draft is not None):
        yield Finding("engine.speculation.draft", "goes with eagle, eagle3 and draft_model, and they with it")
    elif guess.draft is not None and guess.draft not in variant.parts:
        yield Finding("engine.speculation.draft", f"there is no {quoted(guess.draft)} among the variant's parts")
