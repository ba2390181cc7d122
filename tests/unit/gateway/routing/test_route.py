"""An opened answer gives back what it holds, once."""

from backends.http.reply import WholeReply
from gateway.routing.route import Opened
from gateway.scheduling.lease import Lease
from tests.fakes.launcher import FakeBackend


class Watched(WholeReply):
    closed = 0

    def aclose(self) -> None:
        self.closed += 1


def test_closing_stops_the_work_and_frees_the_slot_once():
    given_back = []
    lease = Lease("alpha:q8", FakeBackend(), lambda: given_back.append(1), 0.0, "resident")
    opened = Opened(
        reply=Watched(200, "application/json", (), b"{}"), lease=lease, candidate=None, attempts=1, reason=""
    )
    opened.close()
    opened.close()
    assert given_back == [1]
    assert opened.reply.closed
