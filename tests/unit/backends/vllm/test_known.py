"""What the installed vLLM knows: how it is asked, how it is read, and what a variant names that it does not know."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from backends.vllm import survey
from backends.vllm.args import Speculation, VllmArgs
from backends.vllm.known import Known, read, unknown

KNOWN = Known(
    architectures=frozenset({"Qwen3ForCausalLM", "LlamaForCausalLM"}),
    tool_parsers=frozenset({"hermes", "qwen3_coder"}),
    reasoning_parsers=frozenset({"qwen3"}),
    quantizations=frozenset({"fp8"}),
    loaders=frozenset({"auto", "safetensors"}),
    speculations=frozenset({"ngram"}),
)

VLLM = {
    "__init__.py": "class ModelRegistry:\n  get_supported_archs = lambda: {'B', 'A'}\n",
    "tool_parsers.py": "class ToolParserManager:\n  list_registered = lambda: ['hermes']\n",
    "reasoning.py": "class ReasoningParserManager:\n  list_registered = lambda: ['qwen3']\n",
    "model_executor/__init__.py": "",
    "model_executor/layers/__init__.py": "",
    "model_executor/layers/quantization.py": "QUANTIZATION_METHODS = ['fp8', 'awq']\n",
    "model_executor/model_loader.py": "from typing import Literal\nLoadFormats = Literal['auto', 'dummy']\n",
    "config/__init__.py": "",
    "config/speculative.py": (
        "from typing import Literal\nMTP = Literal['mtp']\n"
        "SpeculativeMethod = Literal['ngram', Literal['eagle', MTP]]\n"
    ),
}
"""The places in vLLM 0.32 where the survey looks; ``tests/vllm`` holds them against the real one."""


@pytest.fixture
def vllm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, code in VLLM.items():
        path = tmp_path / "vllm" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in survey.QUIET:
        monkeypatch.delenv(name, raising=False)
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "vllm"]:
        del sys.modules[name]
    for name in survey.QUIET:
        monkeypatch.delenv(name, raising=False)


def test_what_the_survey_writes_is_what_is_read(vllm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "known.json"
    monkeypatch.setattr(sys, "argv", ["survey", str(target)])
    runpy.run_path(survey.__file__, run_name="__main__")
    known = read(target.read_bytes())
    assert known == Known(
        architectures=frozenset({"A", "B"}),
        tool_parsers=frozenset({"hermes"}),
        reasoning_parsers=frozenset({"qwen3"}),
        quantizations=frozenset({"fp8", "awq"}),
        loaders=frozenset({"auto", "dummy"}),
        speculations=frozenset({"ngram", "eagle", "mtp"}),
    )
    assert json.loads(target.read_bytes())["architectures"] == ["A", "B"], "sorted, so that two surveys compare"


@pytest.mark.parametrize("data", [None, b"", b"{}", b"[1]"])
def test_where_it_was_never_asked_or_by_an_older_survey(data: bytes | None) -> None:
    assert read(data) is None


def test_names_that_it_knows_are_not_mentioned() -> None:
    assert list(unknown(VllmArgs(architecture="Qwen3ForCausalLM"), KNOWN)) == []
    args = VllmArgs(
        architecture="LlamaForCausalLM",
        tool_parser="hermes",
        reasoning_parser="qwen3",
        quantization="fp8",
        loader="safetensors",
        speculation=Speculation(method="ngram", tokens=3),
    )
    assert list(unknown(args, KNOWN)) == []


def test_each_name_that_it_does_not_know_is_said_with_the_nearest() -> None:
    args = VllmArgs(
        architecture="Qwen3ForCausaLM",
        tool_parser="qwen3_code",
        reasoning_parser="zzzz",
        quantization="awq",
        loader="instanttensor",
        speculation=Speculation(method="suffix", tokens=3),
    )
    assert list(unknown(args, KNOWN)) == [
        "architecture 'Qwen3ForCausaLM'; it knows 'Qwen3ForCausalLM'",
        "tool_parser 'qwen3_code'; it knows 'qwen3_coder'",
        "reasoning_parser 'zzzz'",
        "quantization 'awq'",
        "loader 'instanttensor'",
        "speculation.method 'suffix'",
    ]
