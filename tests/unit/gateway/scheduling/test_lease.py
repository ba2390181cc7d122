"""Given back once, whoever tries how often."""

from gateway.scheduling.lease import Lease
from tests.fakes.launcher import FakeBackend


def test_it_is_given_back_exactly_once() -> None:
    given: list[int] = []
    backend = FakeBackend()
    lease = Lease("m:only", backend, lambda: given.append(1), 1.5, "loaded")
    assert (lease.variant_id, lease.backend, lease.waited, lease.reason) == ("m:only", backend, 1.5, "loaded")
    assert given == []
    lease.release()
    lease.release()
    assert given == [1]


def test_giving_back_within_giving_back_is_nothing_more() -> None:
    given: list[int] = []

    def again() -> None:
        given.append(1)
        lease.release()

    lease = Lease("m:only", FakeBackend(), again, 0.0, "resident")
    lease.release()
    assert given == [1]
