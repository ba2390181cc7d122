"""The small parts: queue, estimate, cool-down, lease."""

import pytest

from gateway.scheduling.cooldown import after_crash, after_load_failure
from gateway.scheduling.estimate import ServiceTime, predicted_wait
from gateway.scheduling.lease import Lease
from gateway.scheduling.queue import TicketQueue
from gateway.scheduling.refusals import cooling
from gateway.scheduling.ticket import Ticket
from tests.fakes.effects import Stage, model


def ticket(number: int, name: str = "a") -> Ticket:
    return Ticket(id=number, target=model(name), key="k", enqueued=0.0, deadline=10.0)


def test_the_queue_keeps_order_and_counts_each_variant() -> None:
    queue = TicketQueue()
    tickets = [ticket(1), ticket(2, "b"), ticket(3)]
    for each in tickets:
        queue.add(each, 1.0)
    assert list(queue) == tickets
    assert (len(queue), queue.count("a"), queue.count("b"), queue.count("c")) == (3, 2, 1, 0)
    assert queue.of("a") == (tickets[0], tickets[2])
    queue.granted(tickets[0])
    queue.granted(tickets[0])
    assert tickets[0] not in queue
    assert tickets[2] in queue
    assert (len(queue), queue.count("a")) == (2, 1)
    queue.give_up(tickets[2], 0.0)
    assert queue.count("a") == 0


def test_iterating_the_queue_survives_removal() -> None:
    queue = TicketQueue()
    for number in range(5):
        queue.add(ticket(number), 1.0)
    for each in queue:
        queue.granted(each)
    assert len(queue) == 0


def test_the_service_time_starts_with_the_mean_and_then_moves() -> None:
    seen = ServiceTime()
    for seconds in (1.0, 3.0):
        seen.add(seconds)
    assert seen.mean == pytest.approx(2.0)
    for _ in range(100):
        seen.add(10.0)
    assert seen.mean == pytest.approx(10.0, abs=0.01)


@pytest.mark.parametrize(
    ("ahead", "in_flight", "slots", "expected"),
    [(0, 0, 1, 5.0), (0, 1, 1, 7.0), (3, 1, 1, 13.0), (0, 3, 4, 5.0), (4, 4, 4, 5.0 + 2.5)],
)
def test_the_predicted_wait(ahead: int, in_flight: int, slots: int, expected: float) -> None:
    wait = predicted_wait(ahead=ahead, in_flight=in_flight, slots=slots, mean=2.0, load_remaining=5.0)
    assert wait == pytest.approx(expected)


def test_a_crash_after_a_failed_load_is_not_free() -> None:
    first = after_load_failure(None, 0.0, "x")
    assert first.until == 30.0
    assert after_crash(first, 100.0, "y").until == 130.0
    assert after_crash(None, 0.0, "y").until == 0.0
    assert after_crash(after_crash(None, 0.0, "y"), 601.0, "y").until == 601.0, "forgiven"


def test_a_cooling_refusal_says_how_often_and_how_long() -> None:
    failure = after_load_failure(None, 0.0, "bad weights")
    error = cooling(model("a"), failure, 10.0)
    assert error.retry_after == 20.0
    assert error.detail == "a failed once, next try in 20 s: bad weights"
    assert "2 times" in cooling(model("a"), after_load_failure(failure, 31.0, "x"), 40.0).detail


def test_a_lease_is_given_back_once() -> None:
    class Nobody:
        name = "nobody"

    given: list[int] = []
    lease = Lease("a", Nobody(), lambda: given.append(1), 0.5, "loaded")  # type: ignore[arg-type]
    lease.release()
    lease.release()
    assert given == [1]


def test_the_scheduler_predicts_from_what_it_knows() -> None:
    stage = Stage()
    a = model("a", load_seconds=40)
    assert stage.scheduler.forecast.wait(a) == 40
    first = stage.ask(a)
    stage.effects.clock += 10
    assert stage.scheduler.forecast.wait(a) == pytest.approx(30 + 2.0), "one in front, two seconds unless known better"
    stage.effects.clock += 100
    assert stage.scheduler.forecast.wait(a) == pytest.approx(2.0), "overdue, not negative"
    stage.loaded("a")
    stage.give_back(first, held=6.0)
    assert stage.scheduler.forecast.wait(a) == 0
    second = stage.ask(a)
    assert stage.scheduler.forecast.wait(a) == pytest.approx(6.0)
    stage.give_back(second, held=0.0)
    assert stage.scheduler.occupants.service("a").mean == 6.0, "a lease that was never used teaches nothing"
    stage.scheduler.on_unload("a")
    assert stage.scheduler.forecast.wait(a) == 40, "it has to be loaded again"
