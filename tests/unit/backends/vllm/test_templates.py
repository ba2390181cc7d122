"""Chat templates of ours: what a model reads in its own format, from plain chats to two calls in one turn."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backends.translate.chat_template import ChatTemplate
from backends.translate.template_sandbox import TemplateSandbox
from backends.vllm.command import template_path

NOW = datetime(2026, 11, 29, tzinfo=UTC)
NAMES = sorted(path.stem for path in template_path("x").parent.glob("*.jinja"))
TOOL: dict[str, object] = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Today's.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
PLAIN: list[dict[str, object]] = [{"role": "user", "content": "Hi"}]
SYSTEM: list[dict[str, object]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "Why?"},
]


def call(number: int, arguments: str) -> dict[str, object]:
    return {"id": f"call_{number}", "type": "function", "function": {"name": "weather", "arguments": arguments}}


def result(number: int, content: str) -> dict[str, object]:
    return {"role": "tool", "tool_call_id": f"call_{number}", "content": content}


ONE_CALL: list[dict[str, object]] = [
    {"role": "user", "content": "Oslo?"},
    {"role": "assistant", "content": None, "tool_calls": [call(1, '{"city": "Oslo"}')]},
    result(1, "rain"),
]
TWO_CALLS: list[dict[str, object]] = [
    {"role": "user", "content": "Both?"},
    {
        "role": "assistant", "content": "",
        "tool_calls": [call(1, '{"city": "Oslo"}'), call(2, '{"city": "Røros", "days": 2, "wind": true}')],
    },
    result(1, "rain"),
    result(2, "snow"),
    {"role": "assistant", "content": "Rain and snow."},
    {"role": "user", "content": "Thanks"},
]  # fmt: skip


def render(name: str, messages: list[dict[str, object]], tools: list[dict[str, object]] | None = None) -> str:
    template = ChatTemplate(template_path(name).read_text("utf-8"), "<BOS>", "<EOS>", lambda: NOW)
    return template.render(messages, tools)


def test_a_name_without_a_file_is_none() -> None:
    assert NAMES
    assert not template_path("no_such").is_file()


# --- DeepSeek V3.1 ----------------------------------------------------------------------------------------------------


def test_deepseek_v31_answers_without_thinking() -> None:
    assert render("deepseek_v31", PLAIN) == "<BOS><｜User｜>Hi<｜Assistant｜></think>"
    assert render("deepseek_v31", SYSTEM) == (
        "<BOS>Be brief.<｜User｜>Hi<｜Assistant｜></think>Hello.<｜end▁of▁sentence｜>"
        "<｜User｜>Why?<｜Assistant｜></think>"
    )


@pytest.mark.parametrize("switch", ["thinking", "enable_thinking"])
def test_deepseek_v31_thinks_when_told_to_and_forgets_what_it_thought(switch: str) -> None:
    past = [*PLAIN, {"role": "assistant", "content": "<think>Hm</think>Hello."}, {"role": "user", "content": "So?"}]
    template = TemplateSandbox().from_string(template_path("deepseek_v31").read_text("utf-8"))
    text = template.render(messages=past, bos_token="", add_generation_prompt=True, **{switch: True})
    assert text == ("<｜User｜>Hi<｜Assistant｜></think>Hello.<｜end▁of▁sentence｜><｜User｜>So?<｜Assistant｜><think>")


def test_deepseek_v31_has_its_tools_and_their_calls() -> None:
    text = render("deepseek_v31", ONE_CALL, [TOOL])
    head, _, rest = text.partition("<｜User｜>")
    assert head.startswith(
        "<BOS>\n\n## Tools\nYou have access to the following tools:\n\n### weather\nDescription: Today's.\n\n"
        'Parameters: {"type": "object", "properties": {"city": {"type": "string"}}}\n\n'
        "IMPORTANT: ALWAYS adhere to this exact format for tool use:\n"
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>tool_call_name<｜tool▁sep｜>tool_call_arguments<｜tool▁call▁end｜>"
    )
    assert rest == (
        "Oslo?<｜Assistant｜></think><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>"
        '{"city": "Oslo"}<｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜>'
        "<｜tool▁output▁begin｜>rain<｜tool▁output▁end｜>"
    )


def test_deepseek_v31_chains_two_calls() -> None:
    assert render("deepseek_v31", TWO_CALLS).partition("<｜User｜>")[2] == (
        "Both?<｜Assistant｜></think><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>"
        '{"city": "Oslo"}<｜tool▁call▁end｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>'
        '{"city": "Røros", "days": 2, "wind": true}<｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜>'
        "<｜tool▁output▁begin｜>rain<｜tool▁output▁end｜><｜tool▁output▁begin｜>snow<｜tool▁output▁end｜>"
        "Rain and snow.<｜end▁of▁sentence｜><｜User｜>Thanks<｜Assistant｜></think>"
    )


# --- DeepSeek R1 ------------------------------------------------------------------------------------------------------


def test_deepseek_r1_begins_to_think_by_itself() -> None:
    assert render("deepseek_r1", PLAIN) == "<BOS><｜User｜>Hi<｜Assistant｜>"
    assert render("deepseek_r1", SYSTEM) == (
        "<BOS>Be brief.<｜User｜>Hi<｜Assistant｜>Hello.<｜end▁of▁sentence｜><｜User｜>Why?<｜Assistant｜>"
    )


def test_deepseek_r1_has_its_tools_and_their_calls() -> None:
    head, _, rest = render("deepseek_r1", ONE_CALL, [TOOL]).partition("<｜User｜>")
    assert '\n```json\n{"name": "weather", "description": "Today\'s.", "parameters": {' in head
    assert rest == (
        "Oslo?<｜Assistant｜><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n"
        '```json\n{"city": "Oslo"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜>'
        "<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>rain<｜tool▁output▁end｜><｜tool▁outputs▁end｜>"
    )


def test_deepseek_r1_puts_two_calls_on_lines_of_their_own() -> None:
    assert render("deepseek_r1", TWO_CALLS).partition("<｜User｜>")[2] == (
        "Both?<｜Assistant｜><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n"
        '```json\n{"city": "Oslo"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>weather\n'
        '```json\n{"city": "Røros", "days": 2, "wind": true}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
        "<｜end▁of▁sentence｜><｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>rain<｜tool▁output▁end｜>\n"
        "<｜tool▁output▁begin｜>snow<｜tool▁output▁end｜><｜tool▁outputs▁end｜>Rain and snow.<｜end▁of▁sentence｜>"
        "<｜User｜>Thanks<｜Assistant｜>"
    )


# --- Llama 4 ----------------------------------------------------------------------------------------------------------


def turn(role: str, text: str) -> str:
    return f"<|header_start|>{role}<|header_end|>\n\n{text}"


def test_llama_4_has_turns_under_headers() -> None:
    assert render("llama4_pythonic", PLAIN) == f"<BOS>{turn('user', 'Hi')}<|eot|>{turn('assistant', '')}"
    assert render("llama4_pythonic", SYSTEM) == (
        f"<BOS>{turn('system', 'Be brief.')}<|eot|>{turn('user', 'Hi')}<|eot|>{turn('assistant', 'Hello.')}<|eot|>"
        f"{turn('user', 'Why?')}<|eot|>{turn('assistant', '')}"
    )


def test_llama_4_has_its_tools_and_their_calls() -> None:
    head, _, rest = render("llama4_pythonic", ONE_CALL, [TOOL]).partition("<|header_start|>user")
    assert "[func_name1(param1=value1, param2=value2), func_name2(param=value)]" in head
    assert '"name": "weather"' in head
    assert head.endswith("]\n<|eot|>")
    assert rest == (
        "<|header_end|>\n\nOslo?<|eot|>" + turn("assistant", '[weather(city="Oslo")]<|eot|>')
        + turn("ipython", '"rain"<|eot|>') + turn("assistant", "")
    )  # fmt: skip


def test_llama_4_writes_two_calls_as_one_list() -> None:
    text = render("llama4_pythonic", [{"role": "system", "content": "Be brief."}, *TWO_CALLS], [TOOL])
    assert text.startswith("<BOS>" + turn("system", "Be brief.\n\nYou may call"))
    assert text.partition("Both?<|eot|>")[2] == (
        turn("assistant", '[weather(city="Oslo"), weather(city="Røros", days=2, wind=True)]<|eot|>')
        + turn("ipython", '"rain"<|eot|>') + turn("ipython", '"snow"<|eot|>')
        + turn("assistant", "Rain and snow.<|eot|>") + turn("user", "Thanks<|eot|>") + turn("assistant", "")
    )  # fmt: skip


# --- Gemma 3 ----------------------------------------------------------------------------------------------------------


def test_gemma_3_reads_the_systems_words_in_the_first_turn() -> None:
    assert render("gemma3_pythonic", PLAIN) == (
        "<BOS><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n"
    )  # fmt: skip
    assert render("gemma3_pythonic", SYSTEM) == (
        "<BOS><start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nHello.<end_of_turn>\n"
        "<start_of_turn>user\nWhy?<end_of_turn>\n<start_of_turn>model\n"
    )


def test_gemma_3_has_its_tools_and_their_calls() -> None:
    text = render("gemma3_pythonic", ONE_CALL, [TOOL])
    assert text.startswith("<BOS><start_of_turn>user\nTools (functions) are available.")
    assert text.partition("\n\nOslo?")[2] == (
        '<end_of_turn>\n<start_of_turn>model\n[weather(city="Oslo")]<end_of_turn>\n'
        "<start_of_turn>user\n<tool_response>\nrain\n</tool_response><end_of_turn>\n<start_of_turn>model\n"
    )


def test_gemma_3_has_both_results_in_one_turn() -> None:
    assert render("gemma3_pythonic", TWO_CALLS) == (
        "<BOS><start_of_turn>user\nBoth?<end_of_turn>\n<start_of_turn>model\n"
        '[weather(city="Oslo"), weather(city="Røros", days=2, wind=True)]<end_of_turn>\n<start_of_turn>user\n'
        "<tool_response>\nrain\n</tool_response>\n<tool_response>\nsnow\n</tool_response><end_of_turn>\n"
        "<start_of_turn>model\nRain and snow.<end_of_turn>\n<start_of_turn>user\nThanks<end_of_turn>\n"
        "<start_of_turn>model\n"
    )


@pytest.mark.parametrize(
    ("name", "picture"), [("llama4_pythonic", "<|image|>"), ("gemma3_pythonic", "<start_of_image>")]
)
def test_pictures_stand_where_they_were_shown(name: str, picture: str) -> None:
    shown = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}]
    assert f"{picture}What is it?" in render(name, shown)


@pytest.mark.parametrize("name", ["llama4_pythonic", "gemma3_pythonic"])
def test_calls_are_python_and_come_back_as_they_were(name: str) -> None:
    """What the model reads of its earlier calls is what it will write: it has to be Python."""
    deep = '{"a": {"b": [1, 2.5, null, false, "it\'s \\"q\\""]}, "c": []}'
    past = [PLAIN[0], {"role": "assistant", "content": "", "tool_calls": [call(1, deep)]}]
    text = render(name, past)
    written = text[text.index("[weather(") :].partition(")]")[0].removeprefix("[weather(")
    given = {word.arg: ast.literal_eval(word.value) for word in _keywords(f"f({written})")}
    assert given == {"a": {"b": [1, 2.5, None, False, 'it\'s "q"']}, "c": []}


def _keywords(written: str) -> list[ast.keyword]:
    made = ast.parse(written, mode="eval").body
    assert isinstance(made, ast.Call)
    return made.keywords


# --- Code Llama -------------------------------------------------------------------------------------------------------


def test_code_llama_has_instructions_in_brackets() -> None:
    assert render("codellama", PLAIN) == "<BOS>[INST] Hi [/INST]"
    assert render("codellama", SYSTEM) == (
        "<BOS>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello. <EOS><BOS>[INST] Why? [/INST]"
    )


def test_code_llama_reads_results_as_words_of_the_user() -> None:
    assert render("codellama", TWO_CALLS, [TOOL]) == (
        "<BOS>[INST] Both? [/INST]  <EOS>"
        "<BOS>[INST] rain\n\nsnow [/INST] Rain and snow. <EOS><BOS>[INST] Thanks [/INST]"
    )


def test_the_largest_code_llama_has_sources_and_steps() -> None:
    assert render("codellama_70b", PLAIN) == (
        "<BOS>Source: user\n\n Hi <step> Source: assistant\nDestination: user\n\n "
    )  # fmt: skip
    assert render("codellama_70b", SYSTEM) == (
        "<BOS>Source: system\n\n Be brief. <step> Source: user\n\n Hi <step> Source: assistant\n\n Hello. <step> "
        "Source: user\n\n Why? <step> Source: assistant\nDestination: user\n\n "
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_template_is_plain_text_of_modest_size(name: str) -> None:
    path: Path = template_path(name)
    assert path.read_text("utf-8").startswith("{#- ")
    assert path.stat().st_size < 8192
