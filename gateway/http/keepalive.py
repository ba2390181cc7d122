"""Life signs for a stream that has nothing to say yet: head first, then empty events of the client's own protocol.

Agents give up on silence, and SSE comments do not count as life for all of them. Sending the head commits the status,
not the candidate: dispatch goes on trying.
"""

import asyncio
import time
from collections.abc import Callable

from litestar.types import Send

HEAD = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache"))


class KeepAlive:
    """Armed at once by the constructor; ``stop`` tells whether the head has been sent. ``event`` makes a life sign."""

    def __init__(self, send: Send, event: Callable[[], bytes], after: float, every: float) -> None:
        self._send = send
        self._event = event
        self._every = every
        self._task: asyncio.Task[None] | None = None
        self._head_sent = False
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(after, self._begin)

    async def stop(self) -> bool:
        """No life sign after this. True when the head is out, so that errors have to be events."""
        self._timer.cancel()
        if self._task is None:
            return False
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        return self._head_sent  # not so when the answer came between the timer and the task's first step

    def cancel(self) -> None:
        """For a client that is gone: nothing more is sent, nothing is awaited."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": list(HEAD)})
        self._head_sent = True
        while True:
            await self._send({"type": "http.response.body", "body": self._event(), "more_body": True})
            await asyncio.sleep(self._every)


def openai_chat_event(request_id: str, model: str) -> bytes:
    """An empty delta: every OpenAI client takes it as a chunk without text."""
    return (
        b'data: {"id":"chatcmpl-%s","object":"chat.completion.chunk","created":%d,"model":"%s",'
        b'"choices":[{"index":0,"delta":{},"finish_reason":null}]}\n\n'
    ) % (request_id.encode(), int(time.time()), model.encode())


def openai_completion_event(request_id: str, model: str) -> bytes:
    """The same for the older completions stream."""
    return (
        b'data: {"id":"cmpl-%s","object":"text_completion","created":%d,"model":"%s",'
        b'"choices":[{"index":0,"text":"","logprobs":null,"finish_reason":null}]}\n\n'
    ) % (request_id.encode(), int(time.time()), model.encode())
