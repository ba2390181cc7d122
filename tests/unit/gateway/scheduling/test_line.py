"""What those who wait for the same thing have waited together, and what is owed to them."""

from gateway.scheduling.line import Line
from gateway.scheduling.ticket import Priority, Ticket
from tests.fakes.effects import model


def ticket(number: int, *, enqueued: float = 0.0, turn: float = 0.0, due: float = 100.0) -> Ticket:
    made = Ticket(id=number, target=model("a"), key="k", enqueued=enqueued, deadline=1e9)
    made.turn, made.due = turn, due
    return made


def line(*tickets: Ticket, priority: Priority = Priority.INTERACTIVE) -> Line:
    made = Line(name="a", priority=priority)
    for each in tickets:
        made.add(each)
    return made


def test_order_is_by_turn_then_by_arrival() -> None:
    queue = line(ticket(3, turn=5), ticket(2, turn=1), ticket(1, turn=5))
    assert [each.id for each in queue.tickets] == [2, 1, 3]
    assert queue.head.id == 2


def test_a_claim_is_what_all_have_waited_together_and_batch_counts_a_tenth() -> None:
    assert line(ticket(1, enqueued=10), ticket(2, enqueued=20)).claim(30.0) == 30.0
    assert line(ticket(1, enqueued=10), priority=Priority.BATCH).claim(30.0) == 2.0


def test_who_leaves_takes_his_waiting_along_and_who_gives_up_leaves_it_to_the_rest() -> None:
    first, second = ticket(1, enqueued=10), ticket(2, enqueued=20)
    queue = line(first, second)
    queue.remove(first)
    assert queue.claim(30.0) == 10.0
    queue = line(first, second)
    queue.give_up(first, 30.0)
    assert queue.claim(30.0) == 30.0
    queue.give_up(second, 40.0)
    assert queue.claim(40.0) == 20.0 + 20.0
    assert not queue.forgotten(639.0)
    assert queue.forgotten(640.0)
    queue.served()
    assert queue.claim(40.0) == 0.0


def test_overdue_is_the_first_of_all_due_times_not_the_first_in_line() -> None:
    late, early = ticket(1, turn=0, due=90.0), ticket(2, turn=1, due=50.0)
    queue = line(late, early)
    assert not queue.is_overdue(49.0)
    assert queue.is_overdue(50.0)
    queue.remove(early)
    assert not queue.is_overdue(89.0)
    assert queue.is_overdue(90.0)
    queue.add(ticket(3, due=60.0))
    assert queue.is_overdue(60.0)
    assert not line().is_overdue(1e9)


def test_who_leaves_without_being_the_next_due_changes_nothing() -> None:
    late, early = ticket(1, due=90.0), ticket(2, due=50.0)
    queue = line(late, early)
    assert not queue.is_overdue(10.0)
    queue.remove(late)
    assert (queue.due, queue.is_overdue(50.0)) == (50.0, True)
