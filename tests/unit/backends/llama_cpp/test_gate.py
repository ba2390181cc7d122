"""Who comes in when, and that nobody who left is let in."""

import pytest

from backends.errors import BackendError, Cause
from backends.llama_cpp.worker.llama_server.gate import Gate


async def test_as_many_come_in_as_there_are_slots():
    gate = Gate(slots=2, queue=2)
    places = [gate.enter() for _ in range(4)]
    assert [place.granted.done() for place in places] == [True, True, False, False]
    assert gate.waiting == 2
    with pytest.raises(BackendError) as caught:
        gate.enter()
    assert caught.value.cause is Cause.QUEUE_FULL


async def test_who_waited_longest_comes_in():
    gate = Gate(slots=1, queue=2)
    first, second, third = (gate.enter() for _ in range(3))
    first.leave()
    await second.wait()
    assert not third.granted.done()
    second.leave()
    await third.wait()
    assert gate.waiting == 0


async def test_who_leaves_the_line_is_gone():
    gate = Gate(slots=1, queue=1)
    first, second = gate.enter(), gate.enter()
    second.leave()
    assert second.granted.cancelled()
    third = gate.enter()
    first.leave()
    await third.wait()


async def test_leaving_twice_frees_one_slot():
    gate = Gate(slots=1, queue=2)
    first, second, third = (gate.enter() for _ in range(3))
    first.leave()
    first.leave()
    assert second.granted.done()
    assert not third.granted.done()


async def test_a_waiting_task_that_is_cancelled_does_not_stop_the_line():
    gate = Gate(slots=1, queue=2)
    first, second, third = (gate.enter() for _ in range(3))
    second.granted.cancel()
    first.leave()
    second.leave()
    await third.wait()
