"""A provider that speaks Anthropic's Messages: its clients' requests pass but for who asks, chats are translated."""

import secrets
import time

import msgspec

from backends.cloud.body import impersonal
from backends.cloud.client import CloudClient
from backends.cloud.exchange import exchange, replaced
from backends.cloud.provider import Provider
from backends.cloud.stream import Unchanged
from backends.contract import Call, Health, Reply
from backends.http.reply import WholeReply
from backends.translate.claude.reply import to_completion
from backends.translate.claude.request import Expected, to_messages
from backends.translate.claude.stream import ChatStream
from backends.translate.claude.terms import Terms

_CHAT = "/v1/chat/completions"
_MESSAGES = "/v1/messages"


class AnthropicProvider:
    """Implements ``Backend`` for one model of ``provider``; ``terms`` say what that model takes."""

    def __init__(self, provider: Provider, model: str, client: CloudClient, terms: Terms) -> None:
        self.name = provider.id
        self._provider = provider
        self._model = model
        self._client = client
        self._terms = terms

    async def open(self, call: Call) -> Reply:
        """See ``Backend.open``."""
        if call.path != _CHAT:
            there = replaced(call, impersonal(call.body))
            return await exchange(self._client, self._provider, self._model, there, _PassedOn(call.terminator))
        translated = to_messages(call.body, self._terms, model=self._model)
        answer_id, created = f"chatcmpl-{secrets.token_hex(12)}", int(time.time())
        there = replaced(call, translated.body, _MESSAGES)
        told = _Told(translated.expected, answer_id, created, self._model)
        reply = await exchange(self._client, self._provider, self._model, there, told)
        if not reply.complete:
            return reply
        completion = to_completion(
            reply.first, translated.expected, answer_id=answer_id, created=created, model=self._model
        )
        return WholeReply(200, "application/json", (), msgspec.json.encode(completion))

    async def health(self) -> Health:
        """A provider is not asked how it is: its answers tell."""
        return Health(ready=True)

    async def aclose(self) -> None:
        """The client is everybody's."""


class _PassedOn(Unchanged):
    """Counted once ``message_delta`` has come: what ``message_start`` tells is how it begins."""

    counted = False
    _LAST = b'"message_delta"'

    def feed(self, chunk: bytes) -> bytes:
        before = self._tail[-len(self._LAST) :]
        data = super().feed(chunk)
        self.counted = self.counted or self._LAST in before + data
        return data


class _Told:
    """A translated stream. Its usage is in its last chunk where the client asked for it, and here in any case."""

    def __init__(self, expected: Expected, answer_id: str, created: int, model: str) -> None:
        self._stream = ChatStream(expected, answer_id=answer_id, created=created, model=model)

    @property
    def usage(self) -> bytes:
        return b'"usage":' + msgspec.json.encode(self._stream.usage)

    @property
    def counted(self) -> bool:
        return self._stream.ended

    def feed(self, chunk: bytes) -> bytes:
        return self._stream.feed(chunk)

    def finish(self) -> bytes:
        self._stream.finish()
        return b""
