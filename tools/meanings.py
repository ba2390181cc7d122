"""The words of the generated tables in ``docs/``: what a cause, a code, a label and a route mean. Data only.

A cause, label or route without its words here stops ``tools/docs.py``, and with it ``tests/test_docs.py``.
"""

from typing import get_args

from backends.contract import BackendState
from backends.errors import Cause
from gateway.telemetry.exchange import Outcome

CAUSES: dict[Cause, str] = {
    Cause.INVALID_REQUEST: "The request is not valid; `param` names the field.",
    Cause.CONTEXT_LENGTH: "Prompt and wanted answer are longer than a slot's context.",
    Cause.AUTH: "No key, or one that is not valid or was revoked.",
    Cause.FORBIDDEN: "The key lacks the scope, or `Host` or `Origin` is foreign.",
    Cause.NOT_FOUND: "No such model, or no such URL.",
    Cause.METHOD_NOT_ALLOWED: "The URL exists, the method does not.",
    Cause.UNSUPPORTED_MEDIA: "The body is not declared as `application/json`.",
    Cause.TOO_LARGE: "The body is past `FOREBAY_MAX_BODY_BYTES`.",
    Cause.REQUEST_TIMEOUT: "The body did not arrive in time.",
    Cause.RATE_LIMITED: "Too many requests at once for this key.",
    Cause.QUEUE_FULL: "Too many requests wait for this model.",
    Cause.NO_CAPACITY: "No room came free in time, or nothing can serve the model now.",
    Cause.CANNOT_FIT: "The variant needs more memory than any device can ever give.",
    Cause.LOAD_FAILED: "The engine did not start, or is resting after it did not.",
    Cause.OUT_OF_MEMORY: "The engine ran out of memory, also alone on its device.",
    Cause.UPSTREAM_CONNECT: "The engine cannot be reached.",
    Cause.UPSTREAM_TIMEOUT: "The engine gave no answer, or fell silent.",
    Cause.UPSTREAM_ERROR: "The engine answered with an error of its own.",
    Cause.UPSTREAM_RATE_LIMITED: "The upstream asks for patience.",
    Cause.UPSTREAM_PROTOCOL: "The engine's answer breaks the protocol or a bound.",
    Cause.STREAM_BROKEN: "The engine ended before its answer was complete.",
    Cause.CONTENT_REFUSED: "A content rule of the upstream refused the request.",
    Cause.CLIENT_GONE: "The client hung up; seen only in logs and metrics.",
    Cause.DRAINING: "The gateway is shutting down.",
    Cause.STORAGE: "A disk or database failed.",
    Cause.INTERNAL: "A defect of the gateway; the log has the details, under the request id.",
}

CODES: dict[str, str] = {
    "engine_missing": "The variant's engine is not installed: `forebay engines install NAME`.",
    "host_not_allowed": "The `Host` header names no address of this gateway: `FOREBAY_ALLOWED_HOSTS`.",
    "missing_api_key": "There are keys, so every request needs one.",
    "model_not_supported": "The model exists but does not serve this endpoint.",
    "origin_not_allowed": "A web page of another origin asks: `FOREBAY_ALLOWED_ORIGINS`.",
    "template_refused": "The model's chat template refuses these messages.",
    "unknown_url": "There is no such endpoint.",
    "weights_missing": "The model's files are not here: `forebay pull MODEL`.",
}

LABELS: dict[str, str] = {
    "backend": "kind of engine that answered, `none` before one did",
    "device": "`cpu` or a GPU's UUID",
    "endpoint": "canonical path of the endpoint, `other` for all that is not inference",
    "from": "state before: " + ", ".join(f"`{state.value}`" for state in BackendState),
    "kind": "of a load: `cold`; of memory: `total`, `foreign`, `reserved`, `free`",
    "model": "profile's id, `_unknown` where none was found",
    "outcome": ", ".join(f"`{outcome}`" for outcome in get_args(Outcome)),
    "phase": "as `from`",
    "reason": "a cause of [errors.md](errors.md); `exited` for an engine that died by itself",
    "to": "of a transition: as `from`; of a fallback: the variant or profile tried next",
    "type": "`input`, `output`, `cached`, `reasoning`",
    "version": "of the gateway",
}

ROUTES: dict[str, str] = {
    "POST /v1/chat/completions": "A chat's next message, whole or as a stream.",
    "POST /v1/chat": "Short path of the same.",
    "POST /v1/completions": "The continuation of a text, whole or as a stream.",
    "POST /v1/embeddings": "Vectors of texts.",
    "POST /v1/images/generations": "Pictures of a prompt, whole or as a stream with previews.",
    "POST /v1/images": "Short path of the same.",
    "GET /v1/models": "Models that are listed: OpenAI's shape plus a `forebay` object.",
    "GET /v1/models/{name}": "One model, by any name a client may send.",
    "GET /api/ps": "What is in memory or on its way: state, bytes, slots, pid, last log lines.",
    "GET /api/devices": "Memory of each device: total, foreign, reserved, usable.",
    "GET /api/queue": "Who waits, for how long, and the predicted rest.",
    "GET /api/decisions": "The last 1,000 decisions about memory and who gets it, newest first, each with its reason.",
    "GET /api/catalog": "Generation, version and problems of the catalog.",
    "POST /api/load": '`{"model": NAME, "pin": false}`: loads it now; pinned, it stays.',
    "POST /api/unload": '`{"model": NAME}`: drains and stops every resident variant of it.',
    "GET /api/explain": "`?model=NAME`: which variant would be served now, and why.",
    "GET /health": "200 while the process lives.",
    "GET /ready": "200 while it takes requests; 503 with `starting`, `draining` or `no catalog`.",
    "GET /metrics": "Prometheus text format.",
}

FIELDS: dict[str, str] = {
    "best_of": "Only equal to `n`; choosing among more is refused.",
    "dimensions": "Cuts the vector and normalises it again.",
    "echo": "Puts the prompt before the text; with `logprobs` it is scored. Not in a stream.",
    "encoding_format": "`base64` is little-endian float32.",
    "frequency_penalty": "Against tokens by how often they occurred.",
    "input": "At most 2,048 inputs; token ids or texts, not a mixture.",
    "logit_bias": "Token id to bias, at most 1,024.",
    "logprobs": "Log-probability of each token.",
    "max_completion_tokens": "The newer name of `max_tokens`; wins over it.",
    "max_tokens": "Longest answer. Absent: what the slot's context leaves (16 for completions).",
    "messages": "At most 2,048. Content as text or parts; which kinds of part, the model decides.",
    "min_p": "Extension: least probability, relative to the likeliest token.",
    "model": "Profile id, alias, `profile:variant`, or a selector such as `auto:chat`.",
    "n": "Choices; the profile's `limits.n` may be lower.",
    "parallel_tool_calls": "`false` keeps the first call of an answer only.",
    "presence_penalty": "Against tokens that occurred at all.",
    "prompt": "At most 128 prompts; texts or token ids, not a mixture.",
    "repeat_penalty": "Extension: factor against repetition.",
    "response_format": "`json_object` and `json_schema` are enforced by a grammar while sampling.",
    "seed": "Seed of the sampler; each choice gets one derived from it.",
    "stop": "Up to 16 strings; the answer ends before the first of them.",
    "stream": "Server-sent events, ended by `[DONE]`.",
    "stream_options": "`include_usage`: one more event with the usage. Only with `stream`.",
    "suffix": "Refused unless empty: insertion is not supported.",
    "temperature": "0 takes the likeliest token.",
    "tool_choice": "`required` and a named function are enforced by a grammar.",
    "tools": "At most 128 functions.",
    "top_k": "Extension: candidates kept; 0 keeps all.",
    "top_logprobs": "Alternatives for each token; needs `logprobs`.",
    "top_p": "Nucleus sampling: the share of probability kept.",
    "user": "Accepted, not used.",
}

IMAGE_FIELDS: dict[str, str] = {
    "background": "`transparent` is refused: no model here makes it.",
    "guidance_scale": "Extension: how closely it follows the prompt; absent: the model's own.",
    "loras": "Extension: `[{name, scale}]`, adapters of the profile.",
    "model": "As for chat; absent: the best model that is here and fits.",
    "n": "Pictures; the profile's `limits.n` may be lower.",
    "negative_prompt": "Extension: what it must not show, for models that take one.",
    "output_compression": "Quality of `jpeg` and `webp`; absent: 90.",
    "output_format": "Absent: `png`.",
    "partial_images": "Previews of each picture on the way. Only with `stream`.",
    "prompt": "What it shows.",
    "quality": "More or fewer steps, where the model has more than ten.",
    "response_format": "`url` gives links that expire; absent: `b64_json`.",
    "seed": "Extension: one for the first picture, counting up, or a list with one for each; drawn and told if absent.",
    "service_tier": "`flex` is batch priority.",
    "size": "`WIDTHxHEIGHT` or `auto`; the nearest that the model makes is taken, and told.",
    "steps": "Extension: absent: the model's own.",
    "strength": "Extension, of variations: 1 forgets the picture it begins with.",
    "stream": "Server-sent events: `.queued`, `.progress`, `.partial_image`, `.completed`.",
    "user": "Accepted, not used.",
}
