"""The model that comes with Forebay: CPU seconds and the first partial picture of 512 x 512, cold and warm."""

import http.client
import json
import time

import psutil


def measure(address: str, pid: int, rounds: int) -> None:
    """Prints the figures; ``pid`` is the gateway's, its engines are its children."""
    cold = _ask(address, pid, 1)
    warm = [_ask(address, pid, 2 + number) for number in range(rounds)]
    seconds, partial = (max(each[i] for each in warm) for i in (0, 1))
    print(f"embedded model, loaded for it: {cold[0]:.1f} s of CPU, first partial after {cold[1]:.1f} s")
    print(
        f"embedded model, in memory, worst of {rounds}: {seconds:.1f} s of CPU (goal 8 s), "
        f"first partial after {partial:.1f} s (goal 2 s)"
    )


def _ask(address: str, pid: int, seed: int) -> tuple[float, float]:
    """CPU seconds of gateway and engine, and the seconds until the first partial picture."""
    connection = http.client.HTTPConnection(address, timeout=300)
    before, begun, partial = _cpu(pid), time.perf_counter(), 0.0
    body = {"model": "emoji", "prompt": "a panda", "size": "512x512", "seed": seed, "stream": True, "partial_images": 1}
    connection.request("POST", "/v1/images/generations", json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    types = []
    for line in iter(answer.readline, b""):
        if line.startswith(b"data: {"):
            types.append(json.loads(line[6:])["type"])
            if types[-1] == "image_generation.partial_image" and not partial:
                partial = time.perf_counter() - begun
    assert types[-1] == "image_generation.completed", types
    return _cpu(pid) - before, partial


def _cpu(pid: int) -> float:
    gateway = psutil.Process(pid)
    times = [process.cpu_times() for process in (gateway, *gateway.children(recursive=True))]
    return sum(each.user + each.system for each in times)
