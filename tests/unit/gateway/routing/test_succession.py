"""Whether another model answers to the name of one that is gone, and what is said of it."""

import pytest

from backends.cloud.offer import Offer
from backends.contract import Task
from gateway.catalog.profile import ModelProfile
from gateway.routing.succession import Succession, gone, warning

TODAY = "2026-11-29"


def model(name: str, successor: str | None = None, **offer: object) -> ModelProfile:
    given: dict[str, object] = {"provider": "far", "model": name, "as_of": "2026-11-23", "source": "its list"}
    return ModelProfile(
        id=name, name=name, modality="llm", tasks=(Task.CHAT,), licence="x", open_weights=False, successor=successor,
        cloud=(Offer(**(given | offer)),),  # type: ignore[arg-type]
    )  # fmt: skip


OLD = model("old", "middle", state="retired")
MIDDLE = model("middle", "new", state="ending", ends_on=TODAY)
NEW = model("new")
CIRCLE = model("circle", "circle-too", state="retired")
TOO = model("circle-too", "circle", state="retired")
ALONE = model("alone", None, state="retired")
ALL = {each.id: each for each in (OLD, MIDDLE, NEW, CIRCLE, TOO, ALONE)}


@pytest.mark.parametrize("policy", ["warn", "auto"])
def test_the_first_successor_that_lives_answers(policy) -> None:
    succession = Succession(policy, lambda: TODAY)
    assert [succession.of(each, ALL).id for each in (OLD, MIDDLE, NEW)] == ["new", "new", "new"]


def test_by_default_nothing_is_swapped() -> None:
    assert Succession("off", lambda: TODAY).of(OLD, ALL) is OLD


def test_an_end_that_is_announced_has_not_come() -> None:
    assert Succession("auto", lambda: "2026-11-28").of(OLD, ALL) is MIDDLE


@pytest.mark.parametrize("dead", [CIRCLE, ALONE])
def test_where_nobody_lives_the_model_itself_says_why(dead) -> None:
    found = Succession("auto", lambda: TODAY).of(dead, ALL)
    assert gone(found, TODAY)


def test_the_warning_names_both() -> None:
    assert warning("new", "successor:old") == "old is gone; new answered instead"
    assert warning("new", "asked for") == ""
