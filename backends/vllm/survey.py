"""What this vLLM knows, written as JSON to the file that is named. Runs only in vLLM's own environment.

Needs no card and starts no engine: vLLM is imported, and its registries list their names without loading what they
stand for. The shape is ``Known`` of ``backends/vllm/known.py``.
"""

import json  # noqa: TID251 (nothing of ours is needed in this environment)
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import get_args

QUIET = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "ERROR", "HF_HUB_OFFLINE": "1"}


def survey() -> dict[str, list[str]]:
    """Names by their kind, sorted."""
    os.environ.update(QUIET)
    # By name: what checks the types of this file has no vLLM, and must not have it.
    registries = {
        "architectures": import_module("vllm").ModelRegistry.get_supported_archs(),
        "tool_parsers": import_module("vllm.tool_parsers").ToolParserManager.list_registered(),
        "reasoning_parsers": import_module("vllm.reasoning").ReasoningParserManager.list_registered(),
        "quantizations": import_module("vllm.model_executor.layers.quantization").QUANTIZATION_METHODS,
        "loaders": get_args(import_module("vllm.model_executor.model_loader").LoadFormats),
        "speculations": get_args(import_module("vllm.config.speculative").SpeculativeMethod),
    }
    return {kind: sorted(names) for kind, names in registries.items()}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(survey()), encoding="utf-8")
