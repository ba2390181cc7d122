"""The real vLLM on the CPU, for the tests that are marked ``vllm``.

They skip where its environment is not installed: it takes 2.5 GB of disk and is nothing that a user needs.
``FOREBAY_TEST_VLLM_PYTHON`` names an interpreter to use instead of the installed environment.
"""

import os
import subprocess
from pathlib import Path

import msgspec
import pytest

from backends.environments.environments import Environments
from tests.vllm.tiny.environment import quick
from tests.vllm.tiny.families import FAMILIES

RUNTIME = "vllm_cpu"


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """The interpreter of vLLM's environment, or a skip that says how to get one."""
    if given := os.environ.get("FOREBAY_TEST_VLLM_PYTHON"):
        return Path(given)
    python = Environments().python("vllm", RUNTIME)
    if python is None:
        pytest.skip("vLLM for the CPU is not installed (forebay engines install vllm --cpu, or make test-vllm)")
    return python


@pytest.fixture(scope="session")
def tiny_weights(vllm_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3 of random weights."""
    folder = tmp_path_factory.mktemp("tiny")
    family = next(each for each in FAMILIES if each.name == "qwen3")
    script = Path(__file__).parent / "tiny" / "make.py"
    made = msgspec.json.encode([family])
    subprocess.run([str(vllm_python), "-P", str(script), str(folder)], input=made, capture_output=True, check=True)
    return folder / family.name


@pytest.fixture(scope="session")
def quick_data(vllm_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for ``FOREBAY_DATA_DIR`` whose vLLM imports once for all its processes: a start takes a third."""
    data = tmp_path_factory.mktemp("data")
    said = tmp_path_factory.mktemp("said")
    quick(data, vllm_python, said)
    return data
