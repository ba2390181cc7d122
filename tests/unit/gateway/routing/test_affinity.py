"""Which engine gets a request: the one of its conversation, the next by hash when that is too busy, else the idlest."""

import json

import pytest

from gateway.routing.affinity import LOOKED_AT, Standing, most, preferred, prefix_key

KEY = prefix_key("key", b'[{"role":"user","content":"hello"}]')


def standings(*loads: int, closed: tuple[int, ...] = ()) -> list[Standing]:
    return [Standing(f"m:v#{n}", load, n not in closed) for n, load in enumerate(loads)]


def test_the_same_key_has_the_same_order_whatever_the_order_of_the_engines():
    first = preferred(KEY, standings(0, 0, 0))
    assert preferred(KEY, standings(0, 0, 0)[::-1]) == first
    assert first == ["m:v#0", "m:v#2", "m:v#1"], "a fact of the hash: another order would empty every cache"


def test_its_own_engine_is_left_when_it_has_too_much_of_what_there_is():
    assert most(0, 3) == 1
    assert most(10, 3) == 6
    own = [preferred(KEY, standings(load, 0, 0))[0] for load in range(6)]
    assert own == ["m:v#0"] * 4 + ["m:v#2"] * 2, "4 of 4 are above ceil(1.25 * 4 / 3) + 1"
    assert preferred(KEY, standings(9, 9, 9))[0] == "m:v#0", "busy like all is not too busy"


def test_beyond_the_bound_the_idler_one_is_next():
    assert preferred(KEY, standings(40, 0, 39)) == ["m:v#1", "m:v#2", "m:v#0"]


def test_who_takes_nothing_comes_last():
    assert preferred(KEY, standings(0, 0, 0, closed=(0,))) == ["m:v#2", "m:v#1", "m:v#0"]
    assert preferred(b"", standings(0, 1, 0, closed=(0,))) == ["m:v#2", "m:v#1", "m:v#0"]
    assert preferred(KEY, []) == []


def test_without_a_key_the_idlest():
    assert preferred(b"", standings(2, 1, 3)) == ["m:v#1", "m:v#0", "m:v#2"]


def turn(*said: str, system: str = "be brief", spaces: bool = False) -> bytes:
    """A conversation: a system text, then question and answer in turns."""
    messages = [{"role": "system", "content": system}]
    messages += [{"role": "assistant" if n % 2 else "user", "content": text} for n, text in enumerate(said)]
    return json.dumps(messages, separators=(", ", ": ") if spaces else (",", ":")).encode()


@pytest.mark.parametrize("spaces", [False, True])
@pytest.mark.parametrize("system", ["", "short", 'é{}[]\\" }' * 500, "x" * (LOOKED_AT - 100), "x" * 100_000])
def test_every_turn_of_a_conversation_has_the_key_of_the_first(spaces, system):
    said = ("first?", "yes", "and then?", "no", "why {}?")
    keys = {prefix_key("k", turn(*said[:n], system=system, spaces=spaces)) for n in (1, 3, 5)}
    assert len(keys) == 1


def test_what_differs_in_its_first_question_or_its_tenant_is_another_conversation():
    one = prefix_key("k", turn("one?", system="x" * 10_000))
    assert prefix_key("k", turn("two?", system="x" * 10_000)) != one, "behind a long text that all share"
    assert prefix_key("k", turn("one?", system="y" + "x" * 9_999)) != one
    assert prefix_key("other", turn("one?", system="x" * 10_000)) != one
    assert prefix_key("k", turn('say "assistant"')) != prefix_key("k", turn('say "assistants"'))


def test_a_name_counts_more_than_the_prompt_and_is_its_tenants_own():
    named = prefix_key("k", turn("one?"), b"session-7")
    assert prefix_key("k", turn("two?"), b"session-7") == named
    assert prefix_key("k", turn("one?"), b"session-8") != named
    assert prefix_key("other", turn("one?"), b"session-7") != named
    assert prefix_key("k", b"", b"x") != prefix_key("k", b"=x")
    assert prefix_key("k=", b"x") != prefix_key("k", b"=x")


@pytest.mark.parametrize("prompt", [b"", b'"a text"', b"[]", b"[1, 2, 3]", b'[{"role":"assistant"}]', b"\xff" * 10])
def test_any_bytes_have_a_key(prompt):
    assert len(prefix_key("k", prompt)) == 8
