"""What can go wrong with a provider, and the one outcome that each of it has: the table of ``docs/cloud.md``, with what
brings it about.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from tests.fakes.cloud import SILENCE, USAGE, Script, answer, chunk, completion, events
from tests.fakes.fault_proxy import Fault
from tests.fakes.outside import Outside

Mode = Literal["plain", "stream"]
EITHER: tuple[Mode, ...] = ("plain", "stream")
PLAIN: tuple[Mode, ...] = ("plain",)
STREAM: tuple[Mode, ...] = ("stream",)
HASTE = 0.3
LARGEST_BODY = 64 * 1024 * 1024
LARGEST_EVENT = 4 * 1024 * 1024

Row = tuple[str, str, str, str]
"""What the client gets, whether another provider is tried, the reservation, whether it counts against the provider."""


FINE = answer(completion())


@dataclass(frozen=True)
class Case:
    """``fault`` is the row of the table. ``limits`` are fields of the call to the provider. ``breaks``: what is done
    to the way there, besides ``script``. ``heavy``: once is enough.
    """

    fault: str
    row: Row
    script: Script = FINE
    breaks: Fault | Callable[[Outside], None] | None = None
    modes: tuple[Mode, ...] = EITHER
    limits: dict[str, float] = field(default_factory=dict[str, float])
    connect_seconds: float | None = None
    heavy: bool = False
    note: str = ""
    """Tells cases of one row apart."""

    @property
    def status(self) -> int:
        """Of an answer that had not begun."""
        return int(self.row[0].split()[0])

    @property
    def code(self) -> str | None:
        """Between backquotes; a refusal of the request itself has none."""
        return self.row[0].split("`")[1] if "`" in self.row[0] else None

    @property
    def money(self) -> str:
        return self.row[2]

    @property
    def against(self) -> str:
        return self.row[3]

    @property
    def passes_on(self) -> bool:
        return self.row[1] == "yes"

    def begin(self, world: Outside) -> None:
        world.limits.update(self.limits)
        if isinstance(self.breaks, Fault):
            world.far.proxy.fault = self.breaks
        elif self.breaks is not None:
            self.breaks(world)


def _said(message: str, status: int, **headers: str) -> Script:
    return answer({"error": {"message": message}}, status, **headers)


CLOSED: Row = ("502 `upstream_error`", "yes", "released", "rests")
UNREACHED: Row = ("502 `upstream_connect`", "yes", "released", "yes")
LATE: Row = ("504 `upstream_timeout`", "yes", "unknown", "yes")
CUT: Row = ("502 `stream_broken`", "yes", "unknown", "yes")
REFUSED: Row = ("502 `upstream_error`", "yes", "released", "yes")
NO_API: Row = ("502 `upstream_protocol`", "yes", "unknown", "yes")
TURNED_AWAY: Row = ("429 `upstream_rate_limited`", "yes", "released", "rests")
_QUICK = {"first_event_timeout": HASTE, "answer_timeout": HASTE}
_PLAIN_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n"
_STREAM_HEAD = events(done=False)[0]
assert isinstance(_STREAM_HEAD, bytes)
_HTML = b"<html><body>Please log in</body></html>"
_UNENDED = b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{"id": "c1", "choi'
_HUGE_BODY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n" + (
    (b"100000\r\n" + b" " * 0x100000 + b"\r\n") * (LARGEST_BODY // 0x100000 + 1)
)

CASES = (
    Case("nobody listens", UNREACHED, breaks=lambda world: world.far.proxy.refuse()),
    Case("no connection within 10 s", UNREACHED, breaks=Fault("hole"), connect_seconds=HASTE),
    Case("no TLS, or a certificate of somebody else", UNREACHED, breaks=Fault("garbage"), note="no TLS"),
    Case("no TLS, or a certificate of somebody else", UNREACHED, breaks=Fault("foreign"), note="another's"),
    Case("no answer in time", LATE, breaks=Fault("silence"), limits=_QUICK),
    Case("no answer in time", LATE, (_PLAIN_HEAD + b'{"id"',), Fault("silence", len(_PLAIN_HEAD)), PLAIN, _QUICK,
         note="a head"),
    Case("no answer in time", LATE, breaks=Fault("silence", len(_STREAM_HEAD)), script=events(chunk("x"), done=False),
         modes=STREAM, limits=_QUICK, note="a head"),
    Case("reset or closed before the head", ("502 `upstream_error`", "yes", "unknown", "yes"), breaks=Fault("reset"),
         note="reset"),
    Case("reset or closed before the head", ("502 `upstream_error`", "yes", "unknown", "yes"), breaks=Fault("end"),
         note="closed"),
    Case("broken off before the first event, or in a plain answer", CUT, (_PLAIN_HEAD + b'{"id"',),
         Fault("reset", len(_PLAIN_HEAD) + 3), PLAIN, note="reset"),
    Case("broken off before the first event, or in a plain answer", CUT, (_PLAIN_HEAD + b'{"id"',),
         Fault("end", len(_PLAIN_HEAD) + 3), PLAIN, note="closed"),
    Case("broken off before the first event, or in a plain answer", CUT, (_UNENDED,), Fault("end", len(_UNENDED)),
         PLAIN, note="closed, with no length to miss"),
    Case("broken off before the first event, or in a plain answer", CUT, events(chunk("x")),
         Fault("reset", len(_STREAM_HEAD) + 9), STREAM, note="reset"),
    Case("broken off before the first event, or in a plain answer", CUT, events(chunk("x")),
         Fault("end", len(_STREAM_HEAD) + 9), STREAM, note="closed"),
    Case("broken off before the first event, or in a plain answer", CUT, events(b": wait\n\n", done=False),
         modes=STREAM, note="an empty stream"),
    Case("429", TURNED_AWAY, _said("slow down", 429, retry_after="600"), note="with Retry-After"),
    Case("429", TURNED_AWAY, _said("slow down", 429), note="without"),
    Case("429", TURNED_AWAY, _said("slow down", 429, retry_after="Fri, 01 Jan 2100 00:00:00 GMT"), note="with a date"),
    Case("401, 402, 403, or a 429 for want of money", ("502 `provider_account`", "yes", "released", "rests"),
         _said("no", 401)),
    Case("any other 5xx, 529, 404", REFUSED, _said("oops", 500), note="500"),
    Case("any other 5xx, 529, 404", REFUSED, _said("busy", 503), note="503"),
    Case("503 or 529 with `Retry-After`", CLOSED, _said("busy", 503, retry_after="600"), note="503"),
    Case("503 or 529 with `Retry-After`", CLOSED, _said("busy", 529, retry_after="600"), note="529"),
    Case("any other 5xx, 529, 404", REFUSED, answer(_HTML, 502, "text/html"), note="HTML"),
    Case("any other 5xx, 529, 404", REFUSED, _said("no such model", 404), note="404"),
    Case("400 or 422 for the request", ("400", "no", "released", "no"), _said("top_p is too high", 400)),
    Case("400 or 422 for its content", ("400 `content_refused`", "no", "released", "no"),
         _said("this breaks our usage policies", 400)),
    Case("400 for its length", ("400 `context_length_exceeded`", "yes", "released", "no"),
         _said("maximum context length is 8192 tokens", 400)),
    Case("a redirect", ("502 `upstream_protocol`", "yes", "released", "yes"),
         answer(b"", 302, location="https://api.near-by.example/v1/chat/completions")),
    Case("200 with an error in it", REFUSED, answer({"error": {"message": "inside"}}), modes=PLAIN),
    Case("200 with an error in it", REFUSED, events({"error": {"message": "inside", "code": 503}}), modes=STREAM),
    Case("200 with an error in it that says 429", TURNED_AWAY, answer({"error": {"message": "inside", "code": 429}}),
         modes=PLAIN),
    Case("200 with an error in it that says 429", TURNED_AWAY, events({"error": {"message": "inside", "code": 429}}),
         modes=STREAM),
    Case("200 with a page, or with no stream where one was asked for", NO_API, answer(_HTML, 200, "text/html"),
         note="a page"),
    Case("200 with a page, or with no stream where one was asked for", NO_API, modes=STREAM, note="no stream"),
    Case("an answer past 64 MiB, or an event past 4 MiB", NO_API, (_HUGE_BODY,), modes=PLAIN, heavy=True),
    Case("an answer past 64 MiB, or an event past 4 MiB", NO_API,
         events(b"data: " + b"x" * (LARGEST_EVENT + 1), done=False), modes=STREAM, heavy=True),
)  # fmt: skip
"""Before the first event with content, where everything is still open."""


@dataclass(frozen=True)
class Break:
    """The same for a stream that has begun: ``script`` goes wrong after its first event, or ``breaks`` does."""

    fault: str
    row: Row
    script: Script
    breaks: Literal["reset", "end"] | None = None
    limits: dict[str, float] = field(default_factory=dict[str, float])
    note: str = ""


_BROKEN: Row = ("a `stream_broken` event", "no", "unknown", "no")
_BEGUN = chunk("Hel")
BREAKS = (
    Break("begun, then broken off", _BROKEN, events(_BEGUN, done=False), "reset", note="reset"),
    Break("begun, then broken off", _BROKEN, events(_BEGUN, done=False), "end", note="closed"),
    Break("begun, then ended without `[DONE]`", _BROKEN, events(_BEGUN, done=False), note="at once"),
    Break("begun, then ended without `[DONE]`", _BROKEN, events(_BEGUN, chunk("lo", "stop"), done=False),
          note="after the reason of its end"),
    Break("begun, then ended without `[DONE]`", _BROKEN, events(_BEGUN, chunk("lo", "stop"), done=False), "end",
          note="after the reason of its end, closed"),
    Break("begun, its tokens told, then ended without `[DONE]`", ("a `stream_broken` event", "no", "settled", "no"),
          events(_BEGUN, chunk("lo", "stop"), USAGE, done=False)),
    Break("begun, then an error in an event", _BROKEN,
          events(_BEGUN, {"error": {"message": "lost", "code": 502}}, chunk("lo", "stop"))),
    Break("begun, then silent", ("an `upstream_timeout` event", "no", "unknown", "no"),
          events(_BEGUN, done=False, end=SILENCE), limits={"idle_timeout": HASTE}),
    Break("begun, then an event past 4 MiB", ("an `upstream_protocol` event", "no", "unknown", "no"),
          events(_BEGUN, b"data: " + b"x" * (2 * LARGEST_EVENT), done=False)),
)  # fmt: skip
