"""Small profiles on disk for the catalog's tests."""

from collections.abc import Mapping
from pathlib import Path

from gateway.catalog.catalog import Catalog
from gateway.catalog.load import load, parse
from gateway.catalog.problem import Problem
from gateway.catalog.profile import ModelProfile

CHAT = """\
# yaml-language-server: $schema=../schema.json
id: alpha
name: Alpha 1B
description: A small model for tests.
modality: llm
tasks: [chat, completion]
tier: B
licence: MIT
open_weights: true
catalog_rows: ["Row One"]
aliases: [alpha-latest, "gpt-*", "gpt-4*", Alpha/One]
context_tokens: 4096
parameters: "1B"
variants:
  - name: q8
    engine: {kind: llama_cpp, context_tokens: 4096, slots: 2}
    weights:
      source: hf:org/alpha-gguf@main
      files:
        - path: alpha-q8.gguf
          bytes: 1000
    footprint:
      weights_bytes: 1000
      kv_bytes: 200
      compute_bytes: 30
      host_bytes: 4
  - name: remote
    engine:
      kind: external
      url: https://example.org/v1
    footprint: {weights_bytes: 0}
limits: {n: 4}
defaults:
  temperature: 0.7
fallbacks:
  - when: [cannot_fit, queue_full]
    to: beta
"""

BETA = """\
id: beta
name: Beta
modality: llm
tasks: [chat]
tier: S
licence: Apache-2.0
open_weights: true
aliases: ["*-large", "g*"]
variants:
  - name: q4
    engine: {kind: llama_cpp}
    weights:
      source: pypi:beta-weights==1.0
      files:
        - path: beta/beta.gguf
          bytes: 5000
          sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    footprint: {weights_bytes: 5000}
"""

PICTURE = """\
id: picture
name: Picture
modality: image
tasks: [image]
tier: A
licence: MIT
open_weights: false
why_not: only its maker serves it
"""

PROVIDER = """\
id: cloud
name: Cloud
kind: openai
base_url: https://api.example.org/v1
auth: {secret: CLOUD_API_KEY}
privacy: {country: XX, trains: "no", retention_days: 30, as_of: 2026-11-23, source: terms of service}
"""
OFFERED = """\
id: offered
name: Offered
modality: llm
tasks: [chat]
licence: proprietary
open_weights: false
cloud:
  - {provider: cloud, model: big-1, as_of: 2026-11-23, source: its documentation,
     price: {tokens: {input: 1}, as_of: 2026-11-23, source: list}}
spill: {wait_seconds: 20}
successor: beta
"""


def write(root: Path, files: Mapping[str, str]) -> Path:
    """Write ``files`` (path below ``root`` to text) and return ``root``."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def three(root: Path) -> Path:
    return write(root, {"llm/alpha.yaml": CHAT, "llm/beta.yaml": BETA, "image/picture.yaml": PICTURE})


def loaded(root: Path) -> Catalog:
    result = load(root)
    assert result.problems == ()
    assert result.catalog is not None
    return result.catalog


def profile(text: str) -> ModelProfile:
    document, problems = parse("x.yaml", text.encode())
    assert problems == []
    assert document is not None
    return document.profile


def shown(problems: tuple[Problem, ...] | list[Problem], root: Path) -> list[str]:
    return [str(p).removeprefix(f"{root}/") for p in problems]
