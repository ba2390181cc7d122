"""Run by vLLM's interpreter: its names, and how it reads chat templates of ours, as JSON to the file that is named.

Arguments: that file, ``survey.py``, the folder of templates. Starts no engine.
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


if __name__ == "__main__":
    survey = runpy.run_path(sys.argv[2])["survey"]()
    answer = {"known": survey, "templates": asked(Path(sys.argv[3])), "asked": ASKED}
    Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")
