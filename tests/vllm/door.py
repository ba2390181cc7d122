"""A loopback port that leads to a Unix socket: an engine as somebody else's server."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class _Visit(socketserver.BaseRequestHandler):
    """One connection, both ways, until either side ends it."""

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as inside:
            inside.connect(self.server.inside)  # type: ignore[attr-defined]
            back = threading.Thread(target=_carry, args=(inside, self.request), daemon=True)
            back.start()
            _carry(self.request, inside)
            back.join()


def _carry(one: socket.socket, other: socket.socket) -> None:
    try:
        while piece := one.recv(65536):
            other.sendall(piece)
    except OSError:
        pass
    for end in (one, other):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # gone already


@contextmanager
def door(inside: Path) -> Iterator[str]:
    """The URL, on a free port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Visit) as server:
        server.daemon_threads = True
        server.inside = str(inside)  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
