"""Run by vLLM's interpreter: its names, how it reads chat templates of ours, and how much cache it wants for a request.

Arguments: the file for the answer, ``survey.py``, the folder of templates, a file of ``Case``s; all JSON. Starts no
engine.
"""

import json
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

PARSERS = {
    "deepseek_v31": "deepseek_v31", "deepseek_r1": "deepseek_v3", "llama4_pythonic": "llama4_pythonic",
    "gemma3_pythonic": "pythonic",
}  # fmt: skip
TOKENS = (
    "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", "<｜tool▁sep｜>",
)  # fmt: skip
ASKED = [{"city": "Oslo"}, {"city": "Røros", "days": 2, "wind": True, "more": {"a": [1, None, "it's"]}}]
CALLS = [
    {"id": f"c{i}", "type": "function", "function": {"name": "weather", "arguments": given}}
    for i, given in enumerate(ASKED)
]
PAST = [{"role": "user", "content": "Both?"}, {"role": "assistant", "content": "", "tool_calls": CALLS}]


class Tokenizer:
    """As much of one as the parsers ask for when they are made."""

    def get_vocab(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(TOKENS)}


def asked(folder: Path) -> dict[str, dict[str, object]]:
    """By template: the form in which vLLM gives it contents, and the calls of a past turn as its parser reads them."""
    from transformers.utils.chat_template_utils import render_jinja_template
    from vllm.renderers.hf import _detect_content_format
    from vllm.tool_parsers import ToolParserManager

    told: dict[str, dict[str, object]] = {}
    for path in sorted(folder.glob("*.jinja")):
        source = path.read_text("utf-8")
        told[path.stem] = {"contents": _detect_content_format(source, default="broken")}
        if path.stem not in PARSERS:
            continue
        [turns], _ = render_jinja_template([PAST], chat_template=source, bos_token="", eos_token="")
        [before], _ = render_jinja_template([PAST[:1]], chat_template=source, bos_token="", add_generation_prompt=True)
        # What the model would have written: all that follows what it was told.
        written = turns.removeprefix(before).removesuffix("\n")
        for end in ("<end_of_turn>", "<|eot|>", "<｜end▁of▁sentence｜>"):
            written = written.removesuffix(end)
        parser = ToolParserManager.get_tool_parser(PARSERS[path.stem])(Tokenizer())
        found = parser.extract_tool_calls(written, SimpleNamespace(tools=None, tool_choice="auto"))
        told[path.stem]["calls"] = [
            {"name": call.function.name, "arguments": json.loads(call.function.arguments)} for call in found.tool_calls
        ]
    return told


def needed(case: dict[str, object]) -> int:
    """Bytes on one card without which vLLM refuses to start, by its own count."""
    from vllm.v1.core import kv_cache_utils

    layout = SimpleNamespace(is_block_outermost=False, is_block_compact=True, is_layer_compact=False)
    config = SimpleNamespace(
        model_config=SimpleNamespace(max_model_len=case["context"]),
        parallel_config=SimpleNamespace(decode_context_parallel_size=1),
        scheduler_config=SimpleNamespace(disable_hybrid_kv_cache_manager=False),
        cache_config=SimpleNamespace(mamba_cache_mode="align", get_resolved_kv_cache_layout=lambda: layout),
        max_in_flight_tokens=case["in_flight"],
        speculative_config=None,
    )
    layers = [layer for layer in case["layers"] for _ in range(layer["count"])]
    specs = {f"layer {i}": _spec(layer, case["block"]) for i, layer in enumerate(layers)}
    groups = kv_cache_utils.get_kv_cache_groups(config, specs)
    return kv_cache_utils._max_memory_usage_bytes_from_groups(config, groups)


def _spec(layer: dict[str, object], block: int) -> object:
    import torch
    from vllm.v1 import kv_cache_interface as kinds

    if layer["kind"] == "state":
        shape = {"shapes": ((layer["bytes"],),), "dtypes": (torch.uint8,), "page_size_padded": layer["page"]}
        return kinds.MambaSpec(block_size=block, mamba_cache_mode="align", **shape)
    common = {"block_size": block, "num_kv_heads": layer["heads"], "head_size": layer["size"]}
    common["dtype"] = torch.bfloat16
    match layer["kind"]:
        case "window":
            return kinds.SlidingWindowSpec(**common, sliding_window=layer["window"])
        case "chunk":
            return kinds.ChunkedLocalAttentionSpec(**common, attention_chunk_size=layer["window"])
        case "latent":
            return kinds.MLAAttentionSpec(**common)
        case _:
            return kinds.FullAttentionSpec(**common)


if __name__ == "__main__":
    survey = runpy.run_path(sys.argv[2])["survey"]()
    cases = json.loads(Path(sys.argv[4]).read_text("utf-8"))
    answer = {
        "known": survey,
        "templates": asked(Path(sys.argv[3])),
        "asked": ASKED,
        "needed": {name: needed(case) for name, case in cases.items()},
    }
    Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")
