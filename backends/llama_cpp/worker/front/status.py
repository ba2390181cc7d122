"""``/health``, ``/props`` and ``/metrics``: what the supervisor, the scheduler and Prometheus want to know."""

from typing import Literal

import msgspec

from backends.llama_cpp.worker.front.conversation import TemplateReport
from backends.llama_cpp.worker.front.service import Service
from backends.llama_cpp.worker.runtime import Counters


class HealthReport(msgspec.Struct, frozen=True):
    status: Literal["loading", "ready", "draining"]


class Props(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes in tokens, memory in bytes, measured after load."""

    model: str
    runtime: str
    runtime_version: str
    slots: int
    slot_context: int
    context: int
    vocabulary: int
    embedding_context: int
    device_bytes: int
    buffer_bytes: int
    host_bytes: int
    template: TemplateReport


def props(service: Service, template: TemplateReport) -> bytes:
    """The body of ``GET /props``."""
    facts = service.runtime.facts
    return msgspec.json.encode(
        Props(
            model=service.model,
            runtime=facts.engine,
            runtime_version=facts.engine_version,
            slots=facts.slots,
            slot_context=facts.slot_context,
            context=facts.slot_context * facts.slots,
            vocabulary=facts.vocabulary,
            embedding_context=facts.embedding_context,
            device_bytes=facts.device_bytes,
            buffer_bytes=facts.buffer_bytes,
            host_bytes=facts.host_bytes,
            template=template,
        )
    )


_METRICS = (
    ("prompt_tokens", "prompt_tokens_total", "counter", "Prompt tokens computed."),
    ("cached_tokens", "cached_prompt_tokens_total", "counter", "Prompt tokens reused from memory."),
    ("generated_tokens", "generated_tokens_total", "counter", "Tokens generated."),
    ("decode_steps", "decode_steps_total", "counter", "Calls of the engine."),
    ("slots_busy", "slots_busy", "gauge", "Slots with a request."),
    ("queued", "queued", "gauge", "Requests waiting for a slot."),
)


def metrics(counters: Counters) -> bytes:
    """The body of ``GET /metrics`` in Prometheus' text form."""
    lines: list[str] = []
    for field, name, kind, text in _METRICS:
        full = f"llama_worker_{name}"
        lines += [f"# HELP {full} {text}", f"# TYPE {full} {kind}", f"{full} {getattr(counters, field)}"]
    return "\n".join([*lines, ""]).encode()
