"""``python -m bench.dialects [ROUNDS]``: what it costs to serve agents over a backend that speaks chat.

CPU microseconds of a streamed event, from the backend's bytes to the client's frames, and CPU milliseconds of an
agent's first request, from the client's bytes to the backend's. Fails when a median misses its limit.
"""

import statistics
import sys
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct

from backends.translate.anthropic.request import to_chat as messages_to_chat
from backends.translate.responses.reply import begin
from backends.translate.responses.request import to_chat as responses_to_chat
from backends.wire import sse
from backends.wire.anthropic_messages import MessagesRequest
from backends.wire.decode import decode
from backends.wire.openai_responses import ResponsesRequest
from bench.dialects.bodies import chunks, messages_body, responses_body
from gateway.http.messages_dialect import MessagesDialect
from gateway.http.responses_dialect import ResponsesDialect
from gateway.http.translated import Dialect

EVENT_LIMIT, REQUEST_LIMIT = 60.0, 1.5
"""Microseconds of an event, milliseconds of a request."""
ROUND_SECONDS, STREAMS = 0.2, 10
"""How long a round of requests takes, and of how many streams one is: the clock needs some."""
MESSAGES, RESPONSES = messages_body(), responses_body()
_encode = msgspec.json.encode


class Result(Struct, frozen=True, kw_only=True):
    """CPU time of one thing in each round, in ``unit``."""

    name: str
    spent: list[float]
    unit: str
    limit: float

    @property
    def held(self) -> bool:
        return statistics.median(self.spent) <= self.limit

    def line(self) -> str:
        best, median, most = min(self.spent), statistics.median(self.spent), max(self.spent)
        missed = "" if self.held else ": MISSED"
        return f"{self.name:46}{best:9.2f}{median:9.2f}{most:9.2f} {self.unit}, may be {self.limit:g}{missed}"


def streamed(dialect: Dialect, stream: list[bytes]) -> int:
    """Every chunk as ``gateway.http.translated`` serves it; the bytes that the client gets."""
    parser = sse.Parser()
    size = len(dialect.begin())
    for piece in stream:
        size += sum(len(dialect.chunk(event.data)) for event in parser.feed(piece))
    return size + len(dialect.end())


def message_dialect() -> Dialect:
    return MessagesDialect("msg_1", decode(MESSAGES, MessagesRequest))


def response_dialect() -> Dialect:
    request = decode(RESPONSES, ResponsesRequest)
    names = responses_to_chat(request).names
    return ResponsesDialect(begin(request, "resp_1", 1700000000), names, summarised=request.wants_summary())


def translate_messages() -> bytes:
    return _encode(messages_to_chat(decode(MESSAGES, MessagesRequest)).request)


def translate_responses() -> bytes:
    return _encode(responses_to_chat(decode(RESPONSES, ResponsesRequest)).request)


def rounds_of(work: Callable[[], object], rounds: int) -> list[float]:
    """CPU seconds of ``work`` in each round; a round is long enough for the clock."""
    begun = time.process_time()
    work()
    times = max(1, int(ROUND_SECONDS / max(time.process_time() - begun, 1e-5)))
    spent: list[float] = []
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(times):
            work()
        spent.append((time.process_time() - begun) / times)
    return spent


def stream_result(name: str, make: Callable[[], Dialect], stream: list[bytes], rounds: int) -> Result:
    """A dialect serves one stream, so that making one is not counted."""
    spent: list[float] = []
    for _ in range(rounds):
        dialects = [make() for _ in range(STREAMS)]
        begun = time.process_time()
        for dialect in dialects:
            streamed(dialect, stream)
        spent.append(1e6 * (time.process_time() - begun) / len(dialects) / len(stream))
    return Result(name=name, spent=spent, unit="us", limit=EVENT_LIMIT)


def measure(rounds: int) -> list[Result]:
    stream = chunks()
    results = [
        stream_result("Messages, an event", message_dialect, stream, rounds),
        stream_result("Responses, an event", response_dialect, stream, rounds),
    ]
    for name, body, work in (
        ("Messages", MESSAGES, translate_messages),
        ("Responses", RESPONSES, translate_responses),
    ):
        spent = [1e3 * each for each in rounds_of(work, rounds)]
        named = f"{name}, a first request of {len(body) / 1000:.0f} kB"
        results.append(Result(name=named, spent=spent, unit="ms", limit=REQUEST_LIMIT))
    return results


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    print(f"{rounds} rounds; streams of {len(chunks())} events; CPU time of the process, msgspec {msgspec.__version__}")
    print(f"{'':46}{'best':>9}{'median':>9}{'most':>9}")
    results = measure(rounds)
    for result in results:
        print(result.line())
    return 0 if all(result.held for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
