"""A request that offers an upgrade, served in HTTP/1.1 with its body. Knows the parser's callbacks, nothing of answers.

Java's HttpClient offers ``h2c`` with every POST. httptools ends such a message after its head, body unread, and parses
nothing after it: the body arrived as garbage and the next request never (measured on httptools 0.9).
"""

from typing import Protocol

import httptools


class Callbacks(Protocol):
    """What httptools calls."""

    def on_message_begin(self) -> None: ...
    def on_url(self, url: bytes) -> None: ...
    def on_header(self, name: bytes, value: bytes) -> None: ...
    def on_headers_complete(self) -> None: ...
    def on_body(self, body: bytes) -> None: ...
    def on_message_complete(self) -> None: ...


class _AfterHead:
    """Passes all callbacks on, but those of the first head, which has been heard already."""

    def __init__(self, heard: Callbacks) -> None:
        self._heard = heard
        self._repeated = True
        self.on_body = heard.on_body
        self.on_message_complete = heard.on_message_complete

    def on_message_begin(self) -> None:
        if not self._repeated:
            self._heard.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._repeated:
            self._heard.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._repeated:
            self._heard.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._repeated:
            self._repeated = False
        else:
            self._heard.on_headers_complete()


def resumed(heard: Callbacks, headers: list[tuple[bytes, bytes]]) -> tuple[httptools.HttpRequestParser, bytes]:
    """A parser for the rest of the connection, and what it is fed first: the head's framing, without the offer."""
    framing = [b"%b: %b\r\n" % field for field in headers if field[0] in (b"content-length", b"transfer-encoding")]
    return httptools.HttpRequestParser(_AfterHead(heard)), b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing)
