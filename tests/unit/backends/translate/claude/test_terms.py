"""Thoughts, sampling and forms: what each model takes of them."""

import pytest

from backends.translate.chat_body import Notes
from backends.translate.claude.asked import ChatAsked
from backends.translate.claude.terms import Terms, sample
from tests.unit.backends.translate.claude.cases import sent, tool, translated

NEW, OLD = {}, {"thinking": "budget", "samples": True, "max_tokens": 64000}
SUMMARIZED = {"type": "adaptive", "display": "summarized"}


def thought(effort, terms=None, **fields):
    body = sent(reasoning_effort=effort, terms=terms, **fields)
    return body.get("thinking"), body.get("output_config", {}).get("effort")


@pytest.mark.parametrize("effort", ["low", "medium", "high", "xhigh", "max"])
def test_effort_is_told_as_it_was_asked_for(effort):
    assert thought(effort) == (SUMMARIZED, effort)


def test_other_efforts():
    assert thought(None) == (None, None)
    assert thought("minimal") == (SUMMARIZED, "low")
    assert thought("none") == ({"type": "disabled"}, None)
    assert thought("odd") == (None, None)
    assert translated(reasoning_effort="odd").notes == ("reasoning_effort: odd: not known; left out",)
    assert thought("high", {"thinking": "never"}) == (None, None)
    assert thought("none", {"thinking": "never"}) == thought("none", OLD) == (None, None)


@pytest.mark.parametrize(
    ("most", "effort", "budget"),
    [(64000, "low", 2048), (64000, "max", 32000), (20000, "high", 10000), (2048, "low", 1024), (2047, "max", None)],
)
def test_a_budget_leaves_room_for_words(most, effort, budget):
    config, told = thought(effort, OLD, max_tokens=most)
    assert told is None
    assert (config or {}).get("budget_tokens") == budget
    assert bool(translated(reasoning_effort=effort, terms=OLD, max_tokens=most).notes) == (budget is None)


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "look"}}])
def test_a_forced_call_is_made_without_thoughts(choice):
    fields = {"tools": [tool("look")], "tool_choice": choice}
    assert thought("high", **fields) == (None, "high")
    assert thought("high", OLD, **fields) == (None, None)


def sampled(terms, **fields):
    body = sent(terms=terms, **fields)
    return {name: body[name] for name in ("temperature", "top_p", "top_k") if name in body}


def test_sampling_is_told_to_models_that_take_it():
    assert sampled(NEW, temperature=0.5, top_p=0.9, top_k=3) == {}
    assert sampled(OLD, temperature=0, top_p=0.9) == {"temperature": 0}
    assert sampled(OLD, temperature=2, top_k=3) == {"temperature": 1, "top_k": 3}
    assert sampled(OLD, top_p=0.9, top_k=0) == {"top_p": 0.9}
    asked = ChatAsked(model="m", messages=[], top_k=-1)
    assert sample(asked, Terms(max_tokens=9, samples=True), Notes([]), thinks=False).top_k is None
    assert sampled(OLD, temperature=0.5, reasoning_effort="high") == {}
    assert sampled(OLD, temperature=0.5, reasoning_effort="none") == {"temperature": 0.5}


def test_what_is_not_taken_is_noted():
    assert len(translated(temperature=0.5).notes) == 1
    assert len(translated(temperature=1.5, top_p=1, terms=OLD).notes) == 2
    assert translated(temperature=1, terms=OLD).notes == ()


@pytest.mark.parametrize(
    ("stop", "wanted"), [("a", ["a"]), (["a", " ", "\n"], ["a"]), ("\n", None), ([], None), (None, None)]
)
def test_stop_strings(stop, wanted):
    translation = translated(stop=stop)
    assert sent(stop=stop).get("stop_sequences") == wanted
    assert bool(translation.notes) == bool(stop and wanted != [*stop])
