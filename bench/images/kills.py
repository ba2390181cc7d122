"""A worker killed in the middle of a picture: how soon its client hears, and that the next request is served."""

import http.client
import json
import threading
import time

import psutil


def measure(address: str, gateway: int) -> None:
    """Prints the figures. Once only: a second crash within minutes gives a variant a rest. No other engine may run."""
    killed: list[float] = []
    thread = threading.Thread(target=_kill_soon, args=(gateway, killed))
    thread.start()
    status, said = _ask(address, steps=900)
    seconds = time.perf_counter() - killed[0]
    thread.join()
    assert status == 502, said
    assert "error" in json.loads(said), said
    begun = time.perf_counter()
    status, said = _ask(address, steps=4)
    assert status == 200, said
    print(
        f"worker killed in the middle of a picture: its client hears after {seconds:.2f} s (goal 2 s), "
        f"the next picture is there {time.perf_counter() - begun:.1f} s later"
    )


def _kill_soon(gateway: int, killed: list[float]) -> None:
    time.sleep(1.0)
    workers = psutil.Process(gateway).children()
    killed.append(time.perf_counter())
    for worker in workers:
        worker.kill()


def _ask(address: str, steps: int) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(address, timeout=300)
    body = json.dumps({"model": "tiny", "prompt": "a cat", "seed": 7, "steps": steps})
    connection.request("POST", "/v1/images/generations", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read()
