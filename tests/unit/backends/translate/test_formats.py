"""Which family a template speaks, how tools are told in words, and what a forced call looks like."""

import json
import re

import pytest

from backends.errors import BackendError
from backends.translate.tool_calls.formats import FORMATS, call_id, pick, short_id
from tests.fakes.gbnf import Matcher
from tests.unit.backends.translate.calls import TOOLS, counted, parser, read

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
TIME = {"type": "function", "function": {"name": "time"}}
FORCED = {
    "hermes": '<tool_call>\n{"name": "weather", "arguments": {"city": "Paris", "days": 3}}\n</tool_call>',
    "llama3": '{"name": "weather", "parameters": {"city": "Paris", "days": 3}}',
    "mistral": '[TOOL_CALLS][{"name": "weather", "arguments": {"city": "Paris", "days": 3}}]',
    "json": '{"name": "weather", "arguments": {"city": "Paris", "days": 3}}',
    "qwen3_coder": "<tool_call>\n<function=weather>\n<parameter=city>\nParis\n</parameter>\n"
    "<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>",
    "glm": "<tool_call>weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n"
    "<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n</tool_call>",
    "minimax": '<minimax:tool_call>\n<invoke name="weather">\n<parameter name="city">Paris</parameter>\n'
    '<parameter name="days">3</parameter>\n</invoke>\n</minimax:tool_call>',
    "kimi": "<|tool_calls_section_begin|><|tool_call_begin|>functions.weather:0<|tool_call_argument_begin|>"
    '{"city": "Paris", "days": 3}<|tool_call_end|><|tool_calls_section_end|>',
    "deepseek": '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{"city": "Paris", "days": 3}'
    "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "functionary": '<function=weather>{"city": "Paris", "days": 3}</function>',
    "pythonic": '[weather(city="Paris", days=3)]',
}


@pytest.mark.parametrize(
    ("template", "family"),
    [
        ("... <tool_call> ... <function= ...", "qwen3_coder"),
        ("... <tool_call> ...", "hermes"),
        ("... [TOOL_CALLS] ...", "mistral"),
        ("... <|python_tag|> ...", "llama3"),
        ("... message['role'] ...", "json"),
        ("... <tool_call> ... <arg_key> ...", "glm"),
        ("... <minimax:tool_call> ... <invoke ...", "minimax"),
        ("... <|tool_calls_section_begin|> ...", "kimi"),
        ("... <｜tool▁calls▁begin｜> ...", "deepseek"),
        ("... <function= ...", "functionary"),
        ("... >>>all ...", "functionary"),
    ],
)
def test_a_template_shows_its_family(template, family):
    assert pick(template, "auto").name == family
    assert pick(template, "hermes").name == "hermes"


@pytest.mark.parametrize("family", sorted(FORMATS))
def test_a_forced_call_is_one_that_the_parser_reads(family):
    for name in ("weather", None):
        matcher = Matcher(FORMATS[family].grammar([WEATHER, TIME], name))
        assert matcher.accepts(FORCED[family])
        assert not matcher.accepts("The weather is fine.")
        assert not matcher.accepts(FORCED[family].replace("weather", "rm"))
        assert not matcher.accepts(FORCED[family].replace("city", "town"))
    got = read(counted(FORMATS[family]).parser([WEATHER, TIME]), [FORCED[family]])
    assert [(name, json.loads(arguments)) for name, arguments in got.calls] == [
        ("weather", {"city": "Paris", "days": 3})
    ]
    assert not got.content


def test_newer_functionary_answers_begin_behind_their_mark():
    newer = pick("... >>>all ...", "auto")
    for text, wanted in (
        ('all\nI look.\n>>>weather\n{"city": "Paris"}', ("I look.", [("weather", '{"city": "Paris"}')])),
        ('weather\n{"city": "Paris"}>>>time\n{}', ("", [("weather", '{"city": "Paris"}'), ("time", "{}")])),
        ("Just words, with no line.", ("Just words, with no line.", [])),
        ("fly\n{}", ("fly\n{}", [])),
    ):
        for pieces in ([text], list(text)):
            got = read(counted(newer).parser([WEATHER, TIME]), pieces)
            assert (got.content, got.calls) == wanted
    assert Matcher(newer.grammar([WEATHER, TIME], "time")).accepts("time\n{}")


def test_named_allows_the_named_one_only():
    matcher = Matcher(FORMATS["hermes"].grammar([WEATHER, TIME], "time"))
    assert matcher.accepts('<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>')
    assert not matcher.accepts(FORCED["hermes"])


def test_required_allows_several_where_the_family_has_marks():
    two = FORCED["hermes"] + "\n" + '<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>'
    assert Matcher(FORMATS["hermes"].grammar([WEATHER, TIME], None)).accepts(two)
    assert not Matcher(FORMATS["hermes"].grammar([WEATHER, TIME], "weather")).accepts(two)


def test_newer_mistral_models_name_the_call():
    form = pick("[TOOL_CALLS] ... [ARGS]", "auto")
    assert Matcher(form.grammar([WEATHER], None)).accepts('[TOOL_CALLS]weather[ARGS]{"city": "Paris"}')


def test_a_parameter_that_cannot_be_enforced_is_named():
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"x": {"not": {}}}}}}
    with pytest.raises(BackendError) as caught:
        FORMATS["hermes"].grammar([tool], None)
    assert caught.value.param == "tools[0].function.parameters.properties.x"


def test_identities():
    assert re.fullmatch(r"call_[0-9a-f]{24}", call_id())
    assert re.fullmatch(r"[0-9a-f]{9}", short_id())
    assert len({call_id() for _ in range(100)}) == 100
    assert read(parser("mistral"), ["[TOOL_CALLS]time[CALL_ID]abc[ARGS]{}"]).ids == ["abc"]


def test_tools_in_words():
    call = {"id": "c", "function": {"name": "time", "arguments": '{"zone": "UTC"}'}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What time is it?"},
        {"role": "assistant", "content": "I look.", "tool_calls": [call]},
        {"role": "tool", "content": "12:00", "tool_call_id": "c"},
    ]
    told = FORMATS["hermes"].render_tools_into_system(messages, TOOLS)
    assert [message["role"] for message in told] == ["system", "user", "assistant", "user"]
    assert told[0]["content"].startswith("Be brief.\n\nYou can call functions")
    assert '{"name": "time"}' in told[0]["content"]
    assert told[2]["content"] == 'I look.\n<tool_call>\n{"name": "time", "arguments": {"zone": "UTC"}}\n</tool_call>'
    assert told[3]["content"] == "<tool_response>\n12:00\n</tool_response>"
    alone = FORMATS["json"].render_tools_into_system(messages[1:2], TOOLS)
    assert [message["role"] for message in alone] == ["system", "user"]


def test_broken_past_arguments_are_told_as_text():
    call = {"id": "c", "function": {"name": "time", "arguments": "{broken"}}
    told = FORMATS["json"].render_tools_into_system(
        [{"role": "assistant", "content": None, "tool_calls": [call]}], TOOLS
    )
    assert told[1]["content"] == '{"name": "time", "arguments": "{broken"}'


def test_past_calls_are_told_when_no_tool_is_offered_any_more():
    call = {"id": "c", "function": {"name": "time", "arguments": "{}"}}
    messages = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "12:00", "tool_call_id": "c"},
        {"role": "user", "content": "Thanks."},
    ]
    told = FORMATS["hermes"].render_tools_into_system(messages, [])
    assert told == [
        {"role": "assistant", "content": '<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>'},
        {"role": "user", "content": "<tool_response>\n12:00\n</tool_response>"},
        messages[2],
    ]
