"""What an engine says about a failed request, without the request's own words."""

import pytest
from msgspec.json import encode

from gateway.telemetry.quotes import MARK, without_quotes


def body(*texts: str, **fields: object) -> bytes:
    messages = [{"role": "user", "content": text} for text in texts]
    return encode({"model": "m", "messages": messages, **fields})


@pytest.mark.parametrize(
    ("said", "asked", "logged"),
    [
        ("template error: expected a role", body("something else entirely"), "template error: expected a role"),
        (
            "cannot tokenize 'my cat is called Oswald': too long",
            body("Hello, my cat is called Oswald, and"),
            f"cannot tokenize '{MARK}': too long",
        ),
        ("bad token banana", body("banana"), f"bad token {MARK}"),
        ("bad pin 4711 here", body("whatever I say, 4711 is the pin of my card"), f"bad pin {MARK} here"),
        ("out of memory while allocating", body("I ran out of time while memory was allocating"),
         "out of memory while allocating"),
        (r'{"error":{"message":"caf\u00e9 au lait please"}}', body("one café au lait please"),
         f'{{"error":{{"message":"{MARK}"}}}}'),
        ("MY CAT IS loud", body("my cat is"), f"{MARK} loud"),
        ("no text", body(""), "no text"),
        ("", body("x"), ""),
    ],
)  # fmt: skip
def test_the_clients_words_go_and_the_engines_stay(said, asked, logged):
    assert without_quotes(said, asked) == logged


def test_tool_arguments_and_every_other_string_count():
    asked = body("hi", tools=[{"function": {"name": "f", "parameters": {"default": "sesame opens the door"}}}])
    assert without_quotes("bad default: sesame opens the door", asked) == f"bad default: {MARK}"


@pytest.mark.parametrize("asked", [b"x" * 300_000, b"{broken", b'"\xff"', b"[" * 5_000])
def test_what_cannot_be_compared_is_not_shown(asked):
    assert without_quotes("the engine said this", asked) == MARK
