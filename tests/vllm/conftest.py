"""The real vLLM on the CPU, for the tests that are marked ``vllm``.

They skip where its environment is not installed: it takes 2.5 GB of disk and is nothing that a user needs.
``FOREBAY_TEST_VLLM_PYTHON`` names an interpreter to use instead of the installed environment.
"""

import os
from pathlib import Path

import pytest

from backends.environments.environments import Environments

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
