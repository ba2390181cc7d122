"""Starts ``vllm serve`` with one import for its three processes. Runs in vllm's environment, in place of its Python.

On the CPU vLLM starts its engine and its worker as new interpreters, which import the same libraries again, and a
fourth one to look at the model's class: four times nine seconds, for a model that loads in one. Here they are forked
from the first. Server, engine and worker are vLLM's own, in three processes, as in production.
"""

import os
import runpy
import sys
from collections.abc import Callable
from typing import Any

from vllm.model_executor.models import registry
from vllm.platforms.cpu import CpuPlatform

_METHOD = "VLLM_WORKER_MULTIPROC_METHOD"
_decide = CpuPlatform.check_and_update_config.__func__


def _fork(cls: type, config: Any) -> None:
    _decide(cls, config)
    os.environ[_METHOD] = "fork"  # vLLM has just written "spawn", whatever it was told


def _here(function: Callable[[], Any]) -> Any:
    return function()


def main(arguments: list[str]) -> None:
    """``arguments`` are those of a Python: ``-P -m MODULE ARGUMENT...``."""
    _, option, module, *rest = arguments
    assert option == "-m", arguments
    CpuPlatform.check_and_update_config = classmethod(_fork)
    registry._run_in_subprocess = _here
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
