"""Who listens may not compute: the canary tells, and the counter of steps where the canary has to wait."""

from backends.contract import Call, Canary, Post, Reply
from backends.errors import BackendError, Cause
from backends.http.reply import WholeReply
from backends.http.vitals import Vitals, sum_of

CANARY = Canary(post=Post(path="/one", body=b"{}", seconds=5.0), heartbeat="steps_total")


class Engine:
    """Answers by path: an error to raise, a body, or bodies one after the other."""

    def __init__(self, **answers: BackendError | bytes | list[bytes]) -> None:
        self.answers = answers
        self.asked: list[Call] = []

    async def ask(self, call: Call) -> Reply:
        self.asked.append(call)
        answer = self.answers.get(call.path.strip("/"), b"{}")
        if isinstance(answer, BackendError):
            raise answer
        return WholeReply(200, "text/plain", (), answer.pop(0) if isinstance(answer, list) else answer)


SILENT = BackendError(Cause.UPSTREAM_TIMEOUT, "nothing came")


async def test_listening_is_enough_for_who_has_no_canary() -> None:
    engine = Engine()
    assert (await Vitals(engine.ask, "/health", None).check()).ready
    assert [call.path for call in engine.asked] == ["/health"]


async def test_who_does_not_listen_is_not_asked_for_work() -> None:
    engine = Engine(health=BackendError(Cause.UPSTREAM_CONNECT, "closed", private="refused"))
    health = await Vitals(engine.ask, "/health", CANARY).check()
    assert (health.ready, health.detail) == (False, "refused")
    assert len(engine.asked) == 1


async def test_a_token_is_proof() -> None:
    engine = Engine()
    assert (await Vitals(engine.ask, "/health", CANARY).check()).ready
    (work,) = [call for call in engine.asked if call.path == "/one"]
    assert (work.method, work.body, work.bare, work.answer_timeout) == ("POST", b"{}", True, 5.0)


async def test_a_frozen_engine_listens_and_its_counter_stands_still() -> None:
    engine = Engine(one=SILENT, metrics=[b"steps_total 7\n", b"steps_total 7\n"])
    assert not (await Vitals(engine.ask, "/health", CANARY).check()).ready


async def test_a_busy_engine_lets_the_canary_wait_and_its_counter_goes_up() -> None:
    engine = Engine(one=SILENT, metrics=[b'steps_total{e="0"} 7\n', b'steps_total{e="0"} 9\n'])
    health = await Vitals(engine.ask, "/health", CANARY).check()
    assert (health.ready, health.detail) == (True, "busy")


async def test_without_a_counter_the_canary_decides() -> None:
    engine = Engine(one=SILENT, metrics=BackendError(Cause.NOT_FOUND, "none"))
    assert not (await Vitals(engine.ask, "/health", CANARY).check()).ready
    bare = Canary(post=CANARY.post)
    silent = Engine(one=SILENT)
    assert not (await Vitals(silent.ask, "/health", bare).check()).ready
    assert [call.path for call in silent.asked] == ["/health", "/one"]


def test_the_samples_of_one_metric_are_added() -> None:
    text = b'# HELP a_total x\na_total{e="0"} 1.5\na_total{e="1"} 2\na_total_created 9\nb 7\na_total{e="2"} broken\n'
    assert sum_of(text, "a_total") == 3.5
    assert sum_of(text, "b") == 7
    assert sum_of(text, "c") is None
