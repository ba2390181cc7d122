"""The traces of ``make bench-placement``: seeded, so that two runs are the same to the byte. Times in seconds."""

from collections.abc import Callable, Iterator
from random import Random

from msgspec import Struct

from gateway.scheduling.policy import GIB
from gateway.scheduling.simulate.trace import Kind, ModelSpec, Request, Trace, VariantSpec

HOUR = 3600.0


class Workload(Struct, frozen=True):
    """A trace, the machine it is for, and what it is about."""

    name: str
    seed: int
    devices: str
    about: str
    trace: Trace


def model(
    gib: float, load: float, kind: Kind = "chat", *, slots: int | None = None, wake: float | None = None
) -> ModelSpec:
    """A model with one variant."""
    variant = VariantSpec(name="only", device_bytes=int(gib * GIB), load_seconds=load)
    return ModelSpec(kind=kind, variants=(variant,), slots=slots, sleep_wake_seconds=wake)


def arrivals(random: Random, every: float, begin: float, end: float) -> Iterator[float]:
    """Random requests, on average one ``every`` so many seconds."""
    at = begin
    while (at := at + random.expovariate(1 / every)) < end:
        yield at


def agent_and_images(random: Random) -> tuple[dict[str, ModelSpec], list[Request]]:
    """Agent sessions of 5 to 20 turns, and now and then 2 to 6 pictures at once; both engines can sleep."""
    requests: list[Request] = []
    for begin in arrivals(random, 120, 0, 2 * HOUR):
        at = begin
        for _ in range(random.randint(5, 20)):
            requests.append(Request(at=at, model="agent", seconds=random.uniform(2, 8)))
            at += random.uniform(3, 15)
    for begin in arrivals(random, 300, 0, 2 * HOUR):
        requests += [
            Request(at=begin + random.uniform(0, 5), model="pictures", seconds=random.uniform(4, 8))
            for _ in range(random.randint(2, 6))
        ]
    return {"agent": model(16, 12, wake=1.5), "pictures": model(18, 15, "image", wake=3)}, requests


def video_and_chat(random: Random) -> tuple[dict[str, ModelSpec], list[Request]]:
    """Over a hundred clips of five minutes in the evening, which last into the morning; by day people chat, and want a
    clip now and then.
    """
    requests = [
        Request(at=random.uniform(0, 2 * HOUR), model="clips", seconds=random.uniform(200, 400)) for _ in range(110)
    ]
    requests += [
        Request(at=at, model="clips", seconds=random.uniform(200, 400))
        for at in arrivals(random, 2400, 8 * HOUR, 16 * HOUR)
    ]
    requests += [
        Request(at=at, model="chat", seconds=random.uniform(2, 10)) for at in arrivals(random, 30, 8 * HOUR, 16 * HOUR)
    ]
    return {"chat": model(14, 10), "clips": model(20, 40, "video")}, requests


def alternating(random: Random) -> tuple[dict[str, ModelSpec], list[Request]]:
    """Two models that do not fit together, each asked for every twelve seconds by its own people."""
    requests = [
        Request(at=at, model=name, seconds=random.uniform(1, 4), key=name)
        for name in ("a", "b")
        for at in arrivals(random, 12, 0, HOUR)
    ]
    return {"a": model(14, 10), "b": model(14, 10)}, requests


def herd(random: Random) -> tuple[dict[str, ModelSpec], list[Request]]:
    """Two hundred clients want a cold model at once, while others chat with two that are warm."""
    requests = [
        Request(at=at, model=name, seconds=random.uniform(1, 4))
        for name, every in (("warm", 2.0), ("other", 8.0))
        for at in arrivals(random, every, 0, HOUR)
    ]
    requests += [
        Request(at=1800 + random.uniform(0, 2), model="cold", seconds=random.uniform(0.5, 2)) for _ in range(200)
    ]
    return {"warm": model(10, 10), "other": model(10, 10), "cold": model(11, 20)}, requests


def zipf(random: Random) -> tuple[dict[str, ModelSpec], list[Request]]:
    """Twenty models on two cards, the first asked for most; engines that can sleep in host RAM."""
    names = [f"m{rank:02}" for rank in range(20)]
    models = {name: model(random.choice((4, 5, 6, 8, 10)), random.uniform(8, 20), wake=1.5) for name in names}
    weights = [1 / (rank + 1) ** 1.1 for rank in range(20)]
    requests = [
        Request(at=at, model=random.choices(names, weights)[0], seconds=random.uniform(2, 8))
        for at in arrivals(random, 4, 0, 2 * HOUR)
    ]
    return models, requests


def thrash(random: Random) -> tuple[dict[str, ModelSpec], list[Request]]:
    """Made to hurt: three models in turn where two fit, then bursts that begin when another load has just ended."""
    requests: list[Request] = []
    at = 0.0
    for number in range(600):
        requests.append(Request(at=at, model="xyz"[number % 3], seconds=random.uniform(1, 3)))
        at += random.uniform(2.5, 5)
    for number in range(100):
        requests += [Request(at=at, model="xyz"[number % 3], seconds=random.uniform(1, 3)) for _ in range(3)]
        at += 8.5 + random.uniform(0, 6)
    return {name: model(10, 8) for name in "xyz"}, requests


_MAKERS: tuple[tuple[str, int, str, Callable[[Random], tuple[dict[str, ModelSpec], list[Request]]]], ...] = (
    ("agent-images", 11, "1xRTX4090-24,ram=64", agent_and_images),
    ("video-chat", 12, "1xRTX4090-24,ram=64", video_and_chat),
    ("alternating", 13, "1xRTX4090-24,ram=64", alternating),
    ("herd", 14, "1xRTX4090-24,ram=64", herd),
    ("zipf", 15, "2xRTX4090-24,ram=128", zipf),
    ("thrash", 16, "1xRTX4090-24,ram=64", thrash),
)


def workloads(shift: int = 0) -> Iterator[Workload]:
    """All of them; ``shift`` is added to the seeds, to see how much hangs on them."""
    for name, first, devices, make in _MAKERS:
        seed = first + shift
        models, requests = make(Random(seed))
        ordered = tuple(sorted(requests, key=lambda request: request.at))
        yield Workload(name, seed, devices, (make.__doc__ or "").strip(), Trace(models, ordered))
