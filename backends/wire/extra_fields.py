"""Fields of a text request that engines know besides the public APIs', and what becomes of each on its way to one.

Unknown names pass: engines ignore them. Here are those that an engine would heed: refused where they reach into it or
to other tenants, or where it would ignore them and the answer be another than was asked for; dropped where nobody
misses them. ``tests/vllm/test_fields.py`` holds the table against the installed vLLM.
"""

from typing import Literal

import msgspec

from backends.errors import BackendError, Cause
from backends.wire.envelope import Envelope
from backends.wire.openai_sampling import refuse

Verdict = Literal["shape", "checked", "passed", "dropped", "refused"]

CHECKED = {
    "chat_template_kwargs": "only whether and how much to think, by the names that makers' templates use",
    "prompt_logprobs": "at most five a token: a whole vocabulary for each token of a prompt is gigabytes",
    "repetition_penalty": "above 0, 10 at most",
    "structured_outputs": "`json`, `choice` or `regex`, not free grammars",
}
PASSED = frozenset({
    "add_special_tokens", "allowed_token_ids", "bad_words", "documents", "embed_dtype", "endianness", "ignore_eos",
    "include_reasoning", "include_stop_str_in_output", "instruction", "length_penalty", "logprob_token_ids",
    "max_tokens_per_doc", "max_tokens_per_query", "metadata", "min_tokens", "output_config", "repetition_detection",
    "return_prompt_text", "return_token_ids", "return_tokens_as_token_ids", "skip_special_tokens",
    "spaces_between_special_tokens", "stop_sequences", "stop_token_ids", "stream_interval", "system", "thinking",
    "thinking_token_budget", "truncate_prompt_tokens", "truncation_side", "use_activation",
})  # fmt: skip
"""They shape the asker's own answer, within the limit of its tokens."""
DROPPED = {
    "session_id": "connectors of caches would share what they keep by it",
    "mm_payload": "for routes that are not served",
    "return_mm_kwargs": "for routes that are not served",
    "return_token_offsets": "for routes that are not served",
}
REFUSED = {
    "cache_salt": "whose prefixes are shared is the operator's affair",
    "chat_template": "a template is a program",
    "ec_transfer_params": "names caches of other requests",
    "grammar": "grammars of engines have no bounds; use response_format",
    "guided_choice": "engines ignore it; use structured_outputs",
    "guided_decoding_backend": "engines ignore it",
    "guided_grammar": "engines ignore it; use response_format",
    "guided_json": "engines ignore it; use response_format",
    "guided_regex": "engines ignore it; use structured_outputs",
    "guided_whitespace_pattern": "engines ignore it",
    "id_slot": "names places of other requests",
    "kv_transfer_params": "names caches of other requests",
    "logits_processors": "names code",
    "lora": "names files",
    "lora_path": "names files",
    "media_io_kwargs": "arguments of a library",
    "mm_processor_kwargs": "arguments of a library",
    "n_discard": "reaches into a cache",
    "padding": "to the longest input: as much work as there can be, for nothing",
    "priority": "over other tenants; x-forebay-priority is for that",
    "prompt_embeds": "serialised tensors",
    "request_id": "two of one name disturb each other; x-request-id comes with every answer",
    "routed_experts_prompt_start": "for training",
    "use_beam_search": "many answers for one",
    "vllm_xargs": "for extensions that are not there",
    "watermarking": "is the operator's affair",
}
_MOST_PROMPT_LOGPROBS = 5
_MOST_PENALTY = 10.0
_MOST_CHOICES = 256
_LONGEST_PATTERN = 512
_LONGEST_WORD = 16
_THINKING = {
    "enable_thinking": "switch", "thinking": "switch", "clear_thinking": "switch", "reasoning_effort": "word",
}  # fmt: skip
_FORMS = frozenset({"json", "choice", "regex"})
_LOOKED_AT = frozenset({*CHECKED, *DROPPED, *REFUSED})


def settled(asked: Envelope) -> Envelope:
    """``asked`` without what is dropped. Raises ``BackendError(INVALID_REQUEST)`` that names the field at fault."""
    if asked.lacks(_LOOKED_AT):
        return asked
    for name, why in REFUSED.items():
        if name in asked:
            raise BackendError(Cause.INVALID_REQUEST, f"{name} is not accepted from clients: {why}", param=name)
    if (raw := asked.get("chat_template_kwargs")) is not None:
        thinking(raw)
    if (raw := asked.get("prompt_logprobs")) is not None:
        _number("prompt_logprobs", raw, 0, _MOST_PROMPT_LOGPROBS)
    if (raw := asked.get("repetition_penalty")) is not None:
        _number("repetition_penalty", raw, 1e-3, _MOST_PENALTY)
    if (raw := asked.get("structured_outputs")) is not None:
        _structured(raw)
    return asked.without(DROPPED)


def thinking(raw: msgspec.Raw) -> dict[str, bool | str]:
    """``chat_template_kwargs``, which say whether and how much to think. Raises for anything else they may say."""
    told: dict[str, bool | str] = {}
    for name, value in _object("chat_template_kwargs", raw).items():
        match _THINKING.get(name), value:
            case None, _:
                only = ", ".join(_THINKING)
                raise refuse(f"chat_template_kwargs.{name[:64]}", f"not accepted from clients, only {only}")
            case "switch", bool():
                told[name] = value
            case "word", str() if len(value) <= _LONGEST_WORD:
                told[name] = value
            case kind, _:
                raise refuse(f"chat_template_kwargs.{name}", "true or false" if kind == "switch" else "a short word")
    return told


def _structured(raw: msgspec.Raw) -> None:
    given = _object("structured_outputs", raw)
    for name in given:
        if name not in _FORMS:
            raise refuse(f"structured_outputs.{name[:64]}", "json, choice and regex are accepted")
    choices, pattern = given.get("choice"), given.get("regex")
    if choices is not None and not (isinstance(choices, list) and 0 < len(choices) <= _MOST_CHOICES):  # pyright: ignore[reportUnknownArgumentType]
        raise refuse("structured_outputs.choice", f"a list of 1 to {_MOST_CHOICES} texts")
    if pattern is not None and not (isinstance(pattern, str) and len(pattern) <= _LONGEST_PATTERN):
        raise refuse("structured_outputs.regex", f"a text of at most {_LONGEST_PATTERN} characters")


def _object(name: str, raw: msgspec.Raw) -> dict[str, object]:
    try:
        return msgspec.json.decode(raw, type=dict[str, object] | None) or {}
    except msgspec.ValidationError:
        raise refuse(name, "an object") from None


def _number(name: str, raw: msgspec.Raw, least: float, most: float) -> None:
    try:
        given = msgspec.json.decode(raw, type=float | None)
    except msgspec.ValidationError:
        raise refuse(name, "a number") from None
    if given is not None and not least <= given <= most:
        raise refuse(name, f"from {least:g} to {most:g}")
