"""The worker's HTTP on a real socket, with a model that is a fake."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import msgspec
import pytest

from backends.diffusers.worker.desk import Desk
from backends.diffusers.worker.front import Front
from backends.errors import BackendError, Cause
from backends.serving.listen import listening, protocol
from backends.wire.media_job import event_of
from tests.fakes.pictures_model import DEADLINE, FakeModel

JOB = {"id": "a", "width": 8, "height": 8, "seeds": [7]}


class Served:
    def __init__(self, front: Front, model: FakeModel, desk: Desk, socket: Path) -> None:
        self.front, self.model, self.desk, self.socket = front, model, desk, socket

    def client(self) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(uds=str(self.socket))
        return httpx.AsyncClient(transport=transport, base_url="http://worker", timeout=DEADLINE)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    front, model = Front(), FakeModel()
    with TemporaryDirectory(prefix="fbw") as folder, ThreadPoolExecutor(1) as thread:
        socket = Path(folder) / "s"
        desk = front.desk = Desk(model, thread, alive_seconds=60.0)
        with listening(str(socket)) as listener:
            assert socket.stat().st_mode & 0o777 == 0o600
            server = await asyncio.get_running_loop().create_unix_server(protocol(front), sock=listener)
            yield Served(front, model, desk, socket)
            server.close()
            desk.stop()
            model.steps.release(100)
            async with asyncio.timeout(DEADLINE):
                await desk.idle()


async def test_a_job_in_lines(served: Served) -> None:
    served.model.steps.release()
    async with served.client() as client:
        answer = await client.post("/jobs", json=JOB)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    names = [type(event_of(each)).__name__ for each in answer.content.splitlines()]
    assert names == ["Accepted", "Step", "Artifact", "Done"]


async def test_who_hangs_up_stops_the_work(served: Served) -> None:
    async with served.client() as client:
        async with client.stream("POST", "/jobs", json=JOB | {"steps": 9}) as answer:
            await anext(answer.aiter_lines())
        async with asyncio.timeout(DEADLINE):
            while not (control := served.model.controls.get("a")) or not control.stopped:
                await asyncio.sleep(0)
            served.model.steps.release()
            await served.desk.idle()
    assert served.model.log == ["begin a"]


async def test_a_job_is_cancelled_by_name(served: Served) -> None:
    async with served.client() as client:
        async with client.stream("POST", "/jobs", json=JOB | {"steps": 9}) as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            async with served.client() as other:
                assert (await other.delete("/jobs/a")).status_code == 204
            served.model.steps.release()
            assert [each async for each in lines][-1] == '{"event":"cancelled"}'
        assert (await client.delete("/jobs/a")).status_code == 404


async def test_while_it_loads_it_says_so(served: Served) -> None:
    served.front.desk = None
    async with served.client() as client:
        assert (await client.get("/health")).status_code == 503
        assert (await client.post("/jobs", json=JOB)).status_code == 503


async def test_memory_and_moving(served: Served) -> None:
    async with served.client() as client:
        assert (await client.get("/health")).json() == {"status": "ok"}
        assert (await client.get("/memory")).json() == {"device_bytes": 3, "host_bytes": 5, "device_peak_bytes": 4}
        assert [(await client.post(path)).status_code for path in ("/offload", "/onload")] == [200, 200]
        assert served.model.log == ["offload", "onload"]
        assert (await client.get("/jobs")).status_code == 404


@pytest.mark.parametrize(
    ("body", "param"),
    [(b"{}", "id"), (b"nonsense", None), (msgspec.json.encode(JOB | {"width": "wide"}), "width")],
)
async def test_what_is_no_job_is_refused_in_openais_words(served: Served, body: bytes, param: str | None) -> None:
    async with served.client() as client:
        answer = await client.post("/jobs", content=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == param
        served.model.refusal = BackendError(Cause.INVALID_REQUEST, "cannot edit", param="task")
        answer = await client.post("/jobs", json=JOB)
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, "cannot edit")
