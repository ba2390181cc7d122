"""A fair wait, in numbers a reader can check."""

import pytest

from gateway.scheduling.simulate.fair_share import Ahead, fair_wait, is_starved
from gateway.scheduling.simulate.outcome import Outcome
from gateway.scheduling.ticket import Priority


def ahead(model: str, work: float, *, load: float = 0.0, key: str = "") -> Ahead:
    return Ahead(model=model, key=key, work=work, load=load)


def fair(*others: Ahead, key: str = "", load: float = 0.0, cards: int = 1) -> float:
    return fair_wait(others, model="a", key=key, load=load, seconds=2.0, cards=cards)


def test_alone_it_is_its_own_load_and_service() -> None:
    assert fair(load=10.0) == 12.0


def test_one_load_of_its_own_however_many_wait_for_it() -> None:
    assert fair(*(ahead("a", 1.0, load=10.0) for _ in range(5)), load=10.0) == 10 + 2 + 5


def test_one_load_of_each_other_model() -> None:
    assert fair(ahead("b", 3.0, load=8.0), ahead("b", 3.0, load=8.0), load=10.0) == 10 + 2 + 6 + 8


def test_cards_share_what_is_ahead() -> None:
    assert fair(ahead("b", 6.0, load=8.0), cards=2) == 2 + 7
    assert fair(ahead("b", 6.0), cards=0) == 2 + 6, "host RAM counts as one"


def test_one_request_beside_a_hundred_of_another_key() -> None:
    greedy = ahead("b", 100.0, key="greedy")
    assert fair(greedy, key="modest") == 2 + 2 * 2
    assert fair(greedy, ahead("b", 2.0, key="modest"), key="greedy") == 2 + 200


@pytest.mark.parametrize(("priority", "starved"), [(Priority.INTERACTIVE, True), (Priority.BATCH, False)])
def test_batch_is_overtaken_on_purpose(priority: Priority, starved: bool) -> None:
    waited = Outcome(model="a", key="", priority=priority, asked=5.0, seconds=2.0, slots=1, fair=10.0, granted=36.0)
    assert is_starved(waited, overtaken=1.0) is starved
