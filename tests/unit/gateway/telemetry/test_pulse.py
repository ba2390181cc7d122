"""The loop's own pulse: its lateness is measured, and systemd is fed while it beats."""

import asyncio
import socket

from gateway.telemetry.metrics import Metrics
from gateway.telemetry.pulse import pulse


async def test_it_measures_and_feeds_until_cancelled(monkeypatch, tmp_path):
    received: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    class Feed(asyncio.DatagramProtocol):
        def datagram_received(self, data, addr):
            if not received.done():
                received.set_result(data)

    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "n"))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        transport, _ = await loop.create_datagram_endpoint(Feed, sock=listener)
        metrics = Metrics("1")
        task = loop.create_task(pulse(metrics))
        async with asyncio.timeout(30):
            assert await received == b"WATCHDOG=1"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        transport.close()
    assert task.cancelled()
    assert b"gateway_event_loop_lag_seconds_count 0.0" not in metrics.expose()
