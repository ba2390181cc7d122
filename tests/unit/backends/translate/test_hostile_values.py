"""Values nested so deeply that a decoder gives up, and parameter schemas that are none."""

import pytest

from backends.errors import BackendError, Cause
from backends.translate.chat_template import ChatTemplate
from backends.translate.tool_calls.formats import FORMATS
from tests.unit.backends.translate.calls import parser, read

DEEP = "[" * 5000 + "]" * 5000
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": DEEP}}
MESSAGES = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "", "tool_calls": [CALL]}]


def test_a_deep_parameter_is_text():
    text = f"<tool_call><function=time><parameter=zone>{DEEP}</parameter></function></tool_call>"
    assert read(parser("qwen3_coder"), [text]).calls == [("time", f'{{"zone": "{DEEP}"}}')]


def test_deep_past_arguments_are_text():
    shows = (
        "{% for m in messages %}{% for c in m.tool_calls %}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}"
    )
    assert ChatTemplate(shows, "", "").render(MESSAGES, None) == f'"{DEEP}"'
    told = FORMATS["json"].render_tools_into_system(MESSAGES, [])
    assert told[1]["content"] == f'{{"name": "f", "arguments": "{DEEP}"}}'


@pytest.mark.parametrize("family", sorted(FORMATS))
@pytest.mark.parametrize(
    "parameters",
    [{"properties": 3}, {"properties": {"a": 3}}, {"required": "a"}, {"required": 3, "properties": {"a": {}}}],
)
def test_parameters_that_are_no_schema_are_the_clients_error(family, parameters):
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    with pytest.raises(BackendError) as caught:
        FORMATS[family].grammar([tool], None)
    assert caught.value.cause is Cause.INVALID_REQUEST
    assert caught.value.param.startswith("tools[0].function.parameters")
