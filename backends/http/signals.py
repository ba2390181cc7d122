"""What an engine says of its own load, as Prometheus' text with vLLM's names. Asks and reads; decides nothing."""

from collections.abc import Awaitable, Callable

from prometheus_client.parser import text_string_to_metric_families

from backends.contract import Call, Pressure, Reply
from backends.errors import BackendError

_ASK = Call(path="/metrics", body=b"", method="GET", answer_timeout=2.0)
_MOST_BYTES = 4 * 1024 * 1024
_RUNNING, _WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"
_USAGE, _CONFIG = "vllm:kv_cache_usage_perc", "vllm:cache_config_info"
_WANTED = tuple(f"{name}{end}".encode() for name in (_RUNNING, _WAITING, _USAGE, _CONFIG) for end in "{ ")


async def read_pressure(ask: Callable[[Call], Awaitable[Reply]]) -> Pressure | None:
    """Asks through ``ask``. ``None`` for an engine that does not answer, or says nothing of it: never an error."""
    try:
        reply = await ask(_ASK)
    except BackendError:
        return None
    said = reply.first
    reply.aclose()
    return parse_pressure(said) if len(said) <= _MOST_BYTES else None


def parse_pressure(text: bytes) -> Pressure | None:
    """From an engine's whole text; ``None`` when the two counts of requests are not in it.

    Several engines behind one address (data parallel) are added up, but for the fullest cache. The format is left to
    its own library; only the lines that count come before it, for there are a thousand others.
    """
    lines = [line for line in text.splitlines() if line.startswith(_WANTED)]
    sums: dict[str, float] = {}
    usage = tokens = concurrency = 0.0
    try:
        for family in text_string_to_metric_families(b"\n".join((*lines, b"")).decode()):
            for sample in family.samples:
                if not 0.0 <= sample.value < 1e12:
                    return None
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
                if sample.name == _USAGE:
                    usage = max(usage, sample.value)
                elif sample.name == _CONFIG:
                    tokens += _number(sample.labels.get("kv_cache_size_tokens"))
                    concurrency += _number(sample.labels.get("kv_cache_max_concurrency"))
    except ValueError:  # not the format, or not text
        return None
    if _RUNNING not in sums or _WAITING not in sums:
        return None
    return Pressure(
        running=int(sums[_RUNNING]),
        waiting=int(sums[_WAITING]),
        cache_usage=min(usage, 1.0),
        cache_tokens=int(tokens),
        concurrency=round(concurrency, 2),
    )


def _number(said: str | None) -> float:
    try:
        number = float(said or 0)
    except ValueError:  # "None", before the cache is there
        return 0.0
    return number if 0.0 <= number < 1e15 else 0.0
