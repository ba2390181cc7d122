"""A fake engine process: our worker protocol over a Unix socket, with faults to order. Standard library only.

    python tests/fakes/engine.py --socket PATH [--load-delay S] [--hold-load] [--never-ready] [--exit-at-load CODE] ...

Serves ``POST /v1/chat/completions``, ``/v1/completions``, ``/v1/embeddings``, ``/tokenize``; ``GET /health`` (503 while
loading, then 200), ``/props``, ``/v1/models``.

A request orders its behaviour with headers ``x-fake-NAME: VALUE``, a body field ``fake: {NAME: VALUE}``, or, to come
through a gateway that forwards neither, a message, prompt or input that is ``fake: {NAME: VALUE}`` as text. What
``POST /fake/orders`` (a JSON object) said before holds for every call that does not say otherwise:

    tokens N           how many words to answer (default 8, at most max_tokens)
    first_delay S      seconds before the first event        gap S          seconds between events
    hold N             stop after N events until POST /fake/release (0: before the head)
    die_after N        KILL oneself after N events           exit_after N   exit(0) after N events
    hang_after N       SIGSTOP oneself after N events        cut_after N    close the connection after N events
    garbage N          send bytes that are no SSE after N events
    status CODE        answer an error with this status; retry_after S adds the header, message TEXT the words
    queued N           answer vLLM's 503 while N other calls are inside
    events [..]        the data of a stream's events, as given (before [DONE])
    body {..}          the plain answer, as given

An event is one SSE event of the stream, [DONE] not counted; a plain answer counts as one event, after its words.
Order of faults after the same N: hold first, then the others.

The test's side: ``GET /fake/calls`` lists what came (see ``Call``), ``GET /fake/wait?event=E&count=N`` answers the same
list once N calls have reached E (received, held, closed, finished), ``POST /fake/release`` opens holds for good,
``POST /fake/turns`` orders chats one by one (``engine_turns.py``), ``POST /fake/ready`` ends --hold-load,
``POST /fake/load`` says what ``GET /metrics`` tells of it from then on, as vLLM does (``engine_metrics.py``; before it
there are none), ``POST /fake/exit?code=N`` ends the process. Times are ``time.monotonic()``.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from urllib.parse import parse_qsl, urlsplit

sys.path.append(os.path.dirname(__file__))  # the isolated interpreter leaves it out
from engine_metrics import BUSY, vllm_metrics
from engine_options import arguments
from engine_replies import chunks, embeddings, error, orders_of, parsed, ranked, reply, words_of
from engine_turns import Turns

REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}


class Cut(Exception):
    """The connection is to be closed in the middle of an answer."""


class Call:
    """One request and what became of it. ``closed_at`` is set when the client left before the answer was complete."""

    def __init__(self, number, method, path, headers, body):
        self.number, self.method, self.path, self.headers, self.body = number, method, path, headers, body
        self.events = 0
        self.received_at = time.monotonic()
        self.held_at = self.closed_at = self.finished_at = None
        self.orders = orders_of(headers, body)

    def shown(self):
        return {k: v for k, v in vars(self).items() if k != "orders"}


class Engine:
    """State of the process: readiness, calls, holds."""

    def __init__(self, options):
        self.options = options
        self.ready = False
        self.load_gate = asyncio.Event()
        self.release = asyncio.Event()
        self.calls = []
        self.orders = {}
        self.told = None
        self.scrapes = 0
        self.turns = Turns()
        self.changed = asyncio.Condition()

    async def load(self):
        options = self.options
        if options.load_message:
            print(options.load_message, file=sys.stderr, flush=True)
        if options.logs_mb:
            line = b"x" * 99 + b"\n"
            for _ in range(options.logs_mb * 100):
                sys.stdout.buffer.write(line * 100)
            sys.stdout.buffer.flush()
            print("last line", flush=True)
        self.ballast = bytearray(os.urandom(1 << 20)) * options.allocate_mb
        await asyncio.sleep(options.load_delay)
        if options.exit_at_load is not None:
            os._exit(options.exit_at_load)
        if options.kill_at_load:
            os.kill(os.getpid(), signal.SIGKILL)
        if options.hold_load:
            await self.load_gate.wait()
        self.ready = not options.never_ready

    async def note(self):
        async with self.changed:
            self.changed.notify_all()

    async def after_event(self, call, write):
        """Faults ordered for this point of the answer."""
        orders, n = call.orders, call.events
        if orders.get("hold") == n and not self.release.is_set():
            call.held_at = time.monotonic()
            await self.note()
            await self.release.wait()
        if orders.get("die_after") == n:
            os.kill(os.getpid(), signal.SIGKILL)
        if orders.get("exit_after") == n:
            os._exit(0)
        if orders.get("hang_after") == n:
            os.kill(os.getpid(), signal.SIGSTOP)
        if orders.get("cut_after") == n:
            raise Cut
        if orders.get("garbage") == n:
            write(b"\xff\xfe not an event \x00\n\n")


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, one request at a time; a peer that leaves cancels the work, as a good engine does."""

    def __init__(self, engine):
        self.engine = engine
        self.buffer = b""
        self.task = None
        self.call = None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        if self.task is None:
            self.parse()

    def connection_lost(self, exc):
        if self.task is not None:
            self.task.cancel()

    def parse(self):
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, _, v in (field.partition(":") for field in fields)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        method, target, _ = line.split(" ")
        body = parsed(rest[:length]) if length else None
        if isinstance(body, bytes):
            body = body.decode("latin-1")
        self.task = asyncio.create_task(self.serve(method, target, headers, body))

    async def serve(self, method, target, headers, body):
        engine, url = self.engine, urlsplit(target)
        call = Call(len(engine.calls), method, url.path, headers, body)
        counted = method == "POST" and not url.path.startswith("/fake/")
        try:
            if counted:
                call.orders = engine.orders | engine.turns.orders_for(call.path, call.body) | call.orders
                engine.calls.append(call)
                await engine.note()
            await self.answer(call, url.path, dict(parse_qsl(url.query)))
            call.finished_at = time.monotonic()
        except Cut:
            self.transport.abort()
        except asyncio.CancelledError:
            call.closed_at = time.monotonic()
        if counted:
            await engine.note()
        self.task = None
        if not self.transport.is_closing():
            self.parse()

    async def answer(self, call, path, query):
        engine, options = self.engine, self.engine.options
        if path == "/health":
            self.plain(*((200, {"status": "ok"}) if engine.ready else (503, {"status": "loading model"})))
        elif path == "/props":
            settings = {"n_ctx": options.context}
            self.plain(200, {"model_alias": options.model, "total_slots": 4, "default_generation_settings": settings})
        elif path == "/v1/models":
            self.plain(200, {"object": "list", "data": [{"id": options.model, "object": "model", "created": 0}]})
        elif path == "/metrics" and engine.told is not None:
            engine.scrapes += 1
            self.plain(200, vllm_metrics(**engine.told))
        elif path == "/fake/load":
            engine.told = call.body
            self.plain(200, {"scrapes": engine.scrapes})
        elif path == "/fake/calls":
            self.plain(200, [c.shown() for c in engine.calls])
        elif path == "/fake/wait":
            field, count = query["event"] + "_at", int(query.get("count", 1))
            async with engine.changed:
                await engine.changed.wait_for(lambda: sum(getattr(c, field) is not None for c in engine.calls) >= count)
            self.plain(200, [c.shown() for c in engine.calls])
        elif path == "/fake/orders":
            engine.orders = call.body or {}
            self.plain(200, {})
        elif path == "/fake/turns":
            engine.turns = Turns(**call.body)
            self.plain(200, {})
        elif path == "/fake/release":
            engine.release.set()
            self.plain(200, {})
        elif path == "/fake/ready":
            engine.load_gate.set()
            self.plain(200, {})
        elif path == "/fake/exit":
            os._exit(int(query.get("code", 0)))
        else:
            await self.work(call, path)

    async def work(self, call, path):
        body, orders = call.body, call.orders
        if not isinstance(body, dict):
            return self.plain(400, error("the body is not a JSON object"))
        if path == "/tokenize":
            words = " ".join(str(m.get("content")) for m in body.get("messages", ())) or str(body.get("content", ""))
            return self.plain(200, {"tokens": list(range(len(words.split())))})
        if path not in {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/rerank", "/v1/score"}:
            return self.plain(404, error("no such path"))
        if not self.engine.ready:
            return self.plain(503, error("loading model"))
        inside = sum(c.finished_at is None and c.closed_at is None for c in self.engine.calls if c is not call)
        if "queued" in orders and inside >= orders["queued"]:
            return self.plain(503, error(BUSY))
        await self.engine.after_event(call, self.transport.write)
        await asyncio.sleep(orders.get("first_delay", 0))
        if "status" in orders:
            extra = {"Retry-After": orders["retry_after"]} if "retry_after" in orders else {}
            return self.plain(int(orders["status"]), error(orders.get("message", "ordered by the test")), extra)
        if path == "/v1/embeddings":
            return self.plain(200, embeddings(body, self.engine.options.model))
        if path in {"/v1/rerank", "/v1/score"}:
            return self.plain(200, ranked(body, self.engine.options.model))
        if body.get("stream"):
            return await self.stream(call, path)
        words = words_of(call.body, call.orders)
        await asyncio.sleep(orders.get("gap", 0) * len(words))
        call.events += 1
        await self.engine.after_event(call, self.transport.write)
        self.plain(200, orders.get("body") or reply(path, body, words, self.engine.options.model))
        return None

    async def stream(self, call, path):
        orders, write = call.orders, self.transport.write
        events = orders.get("events") or list(
            chunks(path, call.body, words_of(call.body, call.orders), self.engine.options.model)
        )
        write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunked = lambda data: write(b"%x\r\n%b\r\n" % (len(data), data))  # noqa: E731
        for event in events:
            text = event if isinstance(event, str) else json.dumps(event, separators=(",", ":"))
            chunked(b"data: " + text.encode() + b"\n\n")
            call.events += 1
            await self.engine.after_event(call, chunked)
            await asyncio.sleep(orders.get("gap", 0))
        chunked(b"data: [DONE]\n\n")
        write(b"0\r\n\r\n")

    def plain(self, status, payload, extra=None):
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        head = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", "Content-Type: application/json"]
        head += [f"{k}: {v}" for k, v in (extra or {}).items()]
        self.transport.write("\r\n".join([*head, f"Content-Length: {len(data)}", "", ""]).encode() + data)


async def main(options):
    if options.ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pids = [os.getpid()]
    if options.grandchild:
        sleeper = [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"]
        pids.append(subprocess.Popen(sleeper, start_new_session=options.grandchild == "session").pid)
    if options.pid_file:
        with open(options.pid_file + ".new", "w") as file:
            json.dump(pids, file)
        os.rename(options.pid_file + ".new", options.pid_file)
    engine = Engine(options)
    server = await asyncio.get_running_loop().create_unix_server(lambda: Connection(engine), options.socket)
    loading = asyncio.create_task(engine.load())
    await asyncio.gather(loading, server.serve_forever())


if __name__ == "__main__":
    asyncio.run(main(arguments()))
