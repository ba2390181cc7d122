"""People before batch, and API keys side by side."""

from gateway.scheduling.ticket import Priority, Ticket, TicketState
from tests.fakes.effects import Stage, model

A = model("a", load_seconds=10)
B = model("b", load_seconds=10)
BATCH = Priority.BATCH


def test_people_go_before_batch() -> None:
    stage = Stage()
    (held,) = stage.running(A)
    nightly = stage.ask(A, priority=BATCH)
    person = stage.ask(A)
    stage.give_back(held)
    assert stage.is_granted(person)
    assert not stage.is_granted(nightly)


def test_people_wait_for_one_job_of_batch_not_for_all() -> None:
    stage = Stage()
    jobs = [stage.ask(B, priority=BATCH) for _ in range(3)]
    stage.settle()
    assert stage.is_granted(jobs[0])
    person = stage.ask(A)
    stage.give_back(jobs[0], held=300.0)
    assert stage.stops == ["b"], "the next job waits"
    stage.settle()
    assert stage.is_granted(person)
    assert jobs[1].state is TicketState.WAITING


def test_batch_does_not_push_out_a_model_that_people_use() -> None:
    stage = Stage()
    for _ in range(6):
        stage.tick(20)
        stage.resident(A)
    job = stage.ask(B, priority=BATCH, timeout=1e6)
    stage.tick(15)
    assert stage.stops == []
    stage.tick(60)
    assert stage.stops == ["a"], "they have stopped coming"
    stage.settle()
    assert stage.is_granted(job)


def test_batch_that_is_overdue_gets_one_turn_at_a_time() -> None:
    stage = Stage()
    (held,) = stage.running(A)
    job = stage.ask(B, priority=BATCH, timeout=1e6)
    stage.ask(B, priority=BATCH, timeout=1e6)
    served = 0
    while not stage.stops:
        stage.tick(2)
        following = stage.ask(A)
        stage.give_back(held, held=2.0)
        held = following
        served += 1
        assert served < 100
    stage.settle()
    assert stage.is_granted(job)
    stage.give_back(job, held=5.0)
    stage.settle()
    assert stage.is_granted(held)


def test_a_greedy_key_does_not_make_others_wait() -> None:
    stage = Stage()
    (held,) = stage.running(A)
    greedy = [stage.ask(A, key="greedy") for _ in range(20)]
    modest = stage.ask(A, key="modest")
    order: list[Ticket] = []
    while len(order) < 21:
        stage.give_back(held)
        held = stage.effects.granted[-1]
        order.append(held)
    assert order.index(modest) <= 1
    assert [t for t in order if t is not modest] == greedy


def test_device_seconds_count_not_requests() -> None:
    stage = Stage()
    (held,) = stage.running(A)
    long = [stage.ask(A, key="films", cost=100.0) for _ in range(3)]
    short = [stage.ask(A, key="pictures", cost=10.0) for _ in range(9)]
    order: list[Ticket] = []
    while len(order) < 12:
        stage.give_back(held)
        held = stage.effects.granted[-1]
        order.append(held)
    assert order[0] is long[0]
    assert order[1:10] == short, "nine pictures take less than the second film"


def test_a_ticket_given_up_costs_its_key_nothing() -> None:
    stage = Stage()
    (held,) = stage.running(A)
    for _ in range(10):
        stage.scheduler.on_cancel(stage.ask(A, key="hasty", cost=50.0))
    hasty, other = stage.ask(A, key="hasty", cost=1.0), stage.ask(A, key="other", cost=1.0)
    stage.give_back(held)
    assert stage.is_granted(hasty)
    assert not stage.is_granted(other)
