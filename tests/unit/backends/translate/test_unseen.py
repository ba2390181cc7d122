"""Pictures that tools show to a model which reads text only: it is told so, and the conversation goes on."""

from backends.llama_cpp.args import LlamaCppArgs
from backends.registry import reads_pictures
from backends.translate.anthropic.request import to_chat as from_messages
from backends.translate.chat_body import UNSEEN
from backends.translate.responses.request import to_chat as from_responses
from tests.unit.backends.translate.anthropic.cases import PNG, assistant, result, use, user, words
from tests.unit.backends.translate.anthropic.cases import request_of as message_request
from tests.unit.backends.translate.responses.cases import request_of as responses_request

IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}


def asked(*content):
    turns = [user("look"), assistant(use("call_0")), {"role": "user", "content": [result("call_0", list(content))]}]
    return message_request({"model": "m", "max_tokens": 9, "messages": turns})


def answered(*content):
    call = {"type": "function_call", "call_id": "call_0", "name": "look", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "call_0", "output": list(content)}
    return responses_request({"model": "m", "input": [{"role": "user", "content": "look"}, call, output]})


def test_messages():
    translation = from_messages(asked(words("a.png"), PNG), sees=False)
    last = translation.request.messages[-1]
    assert (last.role, last.content) == ("tool", f"a.png\n{UNSEEN}")
    assert translation.notes == ("messages[2].content[0].content[1]: the model reads no pictures; told so",)
    assert from_messages(asked(PNG)).request.messages[-1].role == "user"


def test_responses():
    text = {"type": "input_text", "text": "a.png"}
    for content, told in (((text, IMAGE), f"a.png\n{UNSEEN}"), ((IMAGE,), UNSEEN)):
        translation = from_responses(answered(*content), sees=False)
        last = translation.request.messages[-1]
        assert (last.role, last.content) == ("tool", told)
        assert translation.notes == ("input[2]: the model reads no pictures; told so",)
    assert from_responses(answered(IMAGE)).request.messages[-1].role == "user"


def test_what_the_user_shows_is_not_taken_from_the_engine():
    shown = message_request({"model": "m", "max_tokens": 9, "messages": [user(PNG)]})
    assert not isinstance(from_messages(shown, sees=False).request.messages[0].content, str)


def test_llama_cpp_reads_text_only():
    assert not reads_pictures(LlamaCppArgs())
