"""What a request becomes: prompt, grammar and the readers of its answer."""

import msgspec
import pytest

from backends.errors import BackendError
from backends.llama_cpp.args import LlamaCppArgs
from backends.llama_cpp.worker.front.conversation import Conversation
from backends.llama_cpp.worker.runtime import ModelFacts, Piece
from backends.wire.openai_chat import ChatRequest
from tests.fakes.gbnf import Matcher

TURNS = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
WITH_TOOLS = TURNS + "{% if tools %}{{ tools | tojson }}<tool_call>{% endif %}"
THINKS = TURNS + "{% if add_generation_prompt %}<think>\n{% endif %}"
TOOL = {"type": "function", "function": {"name": "time", "parameters": {"type": "object", "properties": {}}}}
HI = {"role": "user", "content": "Hi"}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "integer"}}}


def conversation(template=TURNS, **args) -> Conversation:
    facts = ModelFacts(
        slots=1,
        slot_context=512,
        chat_template=template,
        bos_text="<s>",
        eos_text="</s>",
        bos=1,
        vocabulary=10,
        engine="e",
        engine_version="1",
        device_bytes=0,
        buffer_bytes=0,
        host_bytes=0,
        embedding_context=512,
    )
    return Conversation(facts, LlamaCppArgs(**args), frozenset({3}))


def request(*messages, **fields) -> ChatRequest:
    return msgspec.convert({"model": "m", "messages": list(messages) or [HI], **fields}, ChatRequest)


def test_text():
    turn = conversation().turn(request({"role": "developer", "content": "Be brief."}, HI))
    assert (turn.text, turn.grammar, turn.reasoning) == ("[system]Be brief.[user]Hi", "", "none")


def test_parts_of_text_are_one_text_and_media_are_refused():
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert conversation().turn(request({"role": "user", "content": parts})).text.startswith("[user]a")
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
    with pytest.raises(BackendError) as caught:
        conversation().turn(request(HI, {"role": "user", "content": [parts[0], image]}))
    assert caught.value.param == "messages[1].content[1]"


def test_how_much_to_think_is_told_to_the_template_by_the_names_it_may_know():
    source = TURNS + "{{ enable_thinking is defined }},{{ enable_thinking }},{{ reasoning_effort }}"
    for effort, told in (("none", "True,False,"), ("high", "False,,high"), (None, "False,,")):
        given = {} if effort is None else {"reasoning_effort": effort}
        assert conversation(source).turn(request(**given)).text == f"[user]Hi{told}"


def test_an_answer_may_go_on_with_the_last_message():
    begun = {"role": "assistant", "content": "The sky is "}
    template = TURNS.replace("{% endfor %}", "</s>{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}")
    made = conversation(template).turn(request(HI, begun, continue_final_message=True)).text
    assert made == "[user]Hi</s>[assistant]The sky is "
    assert conversation(template).turn(request(HI, begun)).text.endswith("</s>[assistant]")
    asked = conversation(template).turn(request(begun, HI, continue_final_message=True)).text
    assert asked.endswith("[user]Hi</s>[assistant]"), "the user spoke last"
    with pytest.raises(BackendError, match="cannot go on"):
        conversation("{{ messages[0].content }}").turn(request(HI, begun, continue_final_message=True))


def test_tools_go_to_the_template_that_has_a_place_for_them():
    turn = conversation(WITH_TOOLS).turn(request(tools=[TOOL]))
    assert turn.text.startswith("[user]Hi[{")
    assert "system" not in turn.text
    assert conversation(WITH_TOOLS).report.tools


def test_tools_are_told_in_words_where_it_has_none():
    turn = conversation().turn(request(tools=[TOOL]))
    assert turn.text.startswith("[system]You can call functions")
    assert not conversation().report.tools


def test_tools_that_may_not_be_used_are_not_shown():
    turn = conversation(WITH_TOOLS).turn(request(tools=[TOOL], tool_choice="none"))
    assert (turn.text, turn.tools) == ("[user]Hi", ())


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "time"}}])
def test_a_forced_call(choice):
    turn = conversation(WITH_TOOLS).turn(request(tools=[TOOL], tool_choice=choice))
    text = '<tool_call>\n{"name": "time", "arguments": {}}\n</tool_call>'
    assert Matcher(turn.grammar).accepts(text)
    answer = turn.answer(request(tools=[TOOL]))
    answer.feed(Piece(0, text.encode(), "stop"))
    assert answer.finish == "tool_calls"


def test_formats_become_grammars():
    schema = Matcher(conversation().turn(request(response_format=SCHEMA)).grammar)
    assert schema.accepts("12")
    assert not schema.accepts("{}")
    anything = Matcher(conversation().turn(request(response_format={"type": "json_object"})).grammar)
    assert anything.accepts('{"a": [1]}')
    assert not anything.accepts("12")


def test_reasoning():
    one = conversation(THINKS)
    assert one.turn(request()).reasoning == "open"
    assert conversation(THINKS, reasoning="none").turn(request()).reasoning == "none"
    assert conversation(TURNS, reasoning="think").turn(request()).reasoning == "closed"
    answer = one.turn(request()).answer(request())
    changes = answer.feed(Piece(0, b"hm</think>Hi", "stop"))
    assert (changes[0].reasoning_content, changes[1]) == ("hm", "Hi")


def test_a_grammar_ends_the_reasoning_before_it_begins():
    turn = conversation(THINKS).turn(request(response_format=SCHEMA))
    assert turn.text.endswith("<think>\n\n</think>\n\n")
    assert turn.reasoning == "none"


def test_weights_without_a_template_speak_chatml():
    one = conversation("")
    assert one.report.source == "chatml"
    assert conversation().report.source == "gguf"
    assert one.turn(request()).text.endswith("<|im_start|>assistant\n")
