"""A hub of files in memory: heads, bytes and ranges as the real one gives them; remembers what was asked."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c" * 40


class FakeHub(ThreadingHTTPServer):
    """``files``: name to bytes. ``cut_after``: the next body breaks off after so many bytes. ``refuse``: a status.

    ``commit``: where the branch is; the files of every commit are the same ``files``.
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.asked: list[tuple[str, str, str]] = []
        self.cut_after: int | None = None
        self.refuse: int | None = None
        self.etag: str | None = None
        self.commit = COMMIT

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:  # the base class's name
        self._answer(body=False)

    def do_GET(self) -> None:  # the base class's name
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        if self.path.startswith("/api/models/"):
            self._list()
            return
        wanted = self.headers.get("range", "")
        self.server.asked.append((self.command, self.path, wanted))
        data = self.server.files.get(self.path.rpartition("/")[2])
        status = self.server.refuse or (404 if data is None else 206 if wanted else 200)
        if data is None or self.server.refuse:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        begin = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted else 0
        self.send_response(status)
        self.send_header("etag", f'"{self.server.etag or hashlib.sha256(data).hexdigest()}"')
        self.send_header("x-repo-commit", self.server.commit)
        self.send_header("accept-ranges", "bytes")
        self.send_header("content-length", str(len(data) - begin))
        if wanted:
            self.send_header("content-range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if not body:
            return
        cut, self.server.cut_after = self.server.cut_after, None
        self.wfile.write(data[begin:] if cut is None else data[begin : begin + cut])
        if cut is not None:
            self.close_connection = True

    def _list(self) -> None:
        """A repository's files, as the hub's API tells them."""
        siblings = [
            {"rfilename": name, "size": len(data), "blobId": "b"}
            | (
                {"lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 1}}
                if len(data) > 1000
                else {}
            )
            for name, data in self.server.files.items()
        ]
        body = json.dumps({"id": "o/r", "sha": self.server.commit, "siblings": siblings}).encode()
        self.server.asked.append((self.command, self.path, ""))
        self.send_response(self.server.refuse or 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def hub(files: dict[str, bytes]) -> Iterator[FakeHub]:
    server = FakeHub(files)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
