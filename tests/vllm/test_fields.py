"""Every field that the installed vLLM heeds has a verdict here: a new version's new field fails until it has one."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from backends.wire.anthropic_messages import MessagesRequest
from backends.wire.extra_fields import CHECKED, DROPPED, PASSED, REFUSED
from backends.wire.openai_chat import ChatRequest
from backends.wire.openai_completions import CompletionRequest
from backends.wire.openai_embeddings import EmbeddingRequest
from backends.wire.reranking import RerankRequest
from backends.wire.scoring import ScoreRequest

pytestmark = pytest.mark.vllm
OURS = (ChatRequest, CompletionRequest, EmbeddingRequest, RerankRequest, ScoreRequest, MessagesRequest)


def test_every_field_has_a_verdict(vllm_python: Path) -> None:
    said = subprocess.run(
        [vllm_python, "-P", Path(__file__).with_name("ask_fields.py")],
        env={"PATH": os.defpath, "VLLM_TARGET_DEVICE": "cpu", "VLLM_NO_USAGE_STATS": "1"},
        stdout=subprocess.PIPE, check=True, timeout=240,
    )  # fmt: skip
    heeded: dict[str, list[str]] = json.loads(said.stdout.splitlines()[-1])
    shapes = {name for shape in OURS for name in shape.__struct_encode_fields__}
    known = shapes | {*CHECKED, *DROPPED, *PASSED, *REFUSED}
    unknown = {request: sorted(set(fields) - known) for request, fields in heeded.items()}
    assert not any(unknown.values()), unknown
    every = set().union(*heeded.values())
    stale = sorted((PASSED | set(DROPPED)) - every)
    assert not stale, "no request of this vLLM has them"
