"""Given back once, whoever tries how often."""

from gateway.scheduling.lease import Lease
from tests.fakes.launcher import FakeBackend


def test_it_is_given_back_exactly_once() -> None:
    given: list[int] = []
    backend = FakeBackend()
    lease = Lease("m:only", backend, lambda: given.append(1), 1.5, loaded_cold=True)
    assert (lease.variant_id, lease.backend, lease.waited, lease.loaded_cold) == ("m:only", backend, 1.5, True)
    assert given == []
    lease.release()
    lease.release()
    assert given == [1]


def test_giving_back_within_giving_back_is_nothing_more() -> None:
    given: list[int] = []

    def again() -> None:
        given.append(1)
        lease.release()

    lease = Lease("m:only", FakeBackend(), again, 0.0, loaded_cold=False)
    lease.release()
    assert given == [1]
