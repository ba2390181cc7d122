"""A connection without a socket: a transport that records, and a clock that stands still."""

import asyncio

from backends.http.connection import Connection

OK = b"HTTP/1.1 200 OK\r\n"


class Wire(asyncio.Transport):
    """What a connection did to its transport. ``end`` is the peer's end of it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = 0
        self.reading = True
        self.unsent = 0

    def write(self, data) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self.aborted += 1

    def is_closing(self) -> bool:
        return self.aborted > 0

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_write_buffer_size(self) -> int:
        return self.unsent


class Timer:
    def __init__(self, when, callback) -> None:
        self._when, self.callback, self.stopped = when, callback, False

    def when(self) -> float:
        return self._when

    def cancel(self) -> None:
        self.stopped = True


class StillLoop:
    """The part of a loop that a connection uses; timers fire when ``at`` moves time past them."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def create_future(self):
        return asyncio.get_running_loop().create_future()

    def call_at(self, when, callback):
        self.timers.append(Timer(when, callback))
        return self.timers[-1]

    @property
    def running(self) -> list[Timer]:
        return [timer for timer in self.timers if not timer.stopped]

    def at(self, now: float) -> None:
        self.now = now
        for timer in self.running:
            if timer.when() <= now:
                timer.stopped = True
                timer.callback()


def wired(*, send: bool = True) -> tuple[Connection, Wire]:
    """A connection that has just sent a request."""
    connection, wire = Connection(StillLoop()), Wire()
    connection.connection_made(wire)
    if send:
        connection.send(b"request")
    return connection, wire


def fed(*pieces: bytes):
    connection, wire = wired()
    for piece in pieces:
        connection.data_received(piece)
    return connection, wire
