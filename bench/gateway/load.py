"""The load: plain chats over keep-alive connections, streams read to their end, streams held open. Bounded in count."""

import asyncio
import json

_MESSAGES = [{"role": "user", "content": "Tell me about rivers, please. " * 15}]


class Client:
    """One keep-alive connection; reads just enough HTTP to know where an answer ends."""

    def __init__(self, host: str, port: int, key: str, model: str) -> None:
        self._at = host, port
        self._key = key
        self._model = model

    def request(self, *, stream: bool) -> bytes:
        body = json.dumps({"model": self._model, "messages": _MESSAGES, "stream": stream, "max_tokens": 100}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self._at[0]}:{self._at[1]}\r\n"
        head += f"Content-Type: application/json\r\nAuthorization: Bearer {self._key}\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    async def plain(self, count: int) -> None:
        reader, writer = await asyncio.open_connection(*self._at)
        request = self.request(stream=False)
        for _ in range(count):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            low = head.lower()
            if not low.startswith(b"http/1.1 200"):
                raise RuntimeError(head.decode())
            if b"content-length:" in low:
                await reader.readexactly(int(low.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
            else:
                while int(await reader.readuntil(b"\r\n"), 16) and await reader.readuntil(b"\r\n"):
                    pass
                await reader.readexactly(2)
        writer.close()

    async def stream(self) -> int:
        reader, writer = await asyncio.open_connection(*self._at)
        writer.write(self.request(stream=True))
        seen = 0
        tail = b""
        while b"[DONE]" not in tail:
            data = await reader.read(65536)
            if not data:
                raise RuntimeError(f"stream ended early: {tail!r}")
            joined = tail + data
            seen += joined.count(b"data: {") - tail.count(b"data: {")
            tail = joined[-64:]
        writer.close()
        return seen

    async def held(self, hold: asyncio.Event) -> None:
        reader, writer = await asyncio.open_connection(*self._at)
        writer.write(self.request(stream=True))
        await reader.read(1024)
        await hold.wait()
        writer.close()


async def plain_load(client: Client, requests: int, connections: int = 16) -> None:
    await asyncio.gather(*(client.plain(requests // connections) for _ in range(connections)))


async def stream_load(client: Client, streams: int, at_once: int = 32) -> int:
    chunks = 0
    for _ in range(streams // at_once):
        chunks += sum(await asyncio.gather(*(client.stream() for _ in range(at_once))))
    return chunks
