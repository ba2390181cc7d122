"""From what a client said about sampling to the parameters of an engine. Pure."""

import secrets

from backends.llama_cpp.worker.runtime import SamplingParams
from backends.wire.openai_sampling import Sampling

# llama.cpp's own defaults; a client that says nothing gets what llama-server would give.
TEMPERATURE = 0.8
TOP_K = 40
TOP_P = 0.95
MIN_P = 0.05

_GOLDEN = 0x9E3779B9
_SEED_MASK = 0xFFFFFFFF


def sampling_params(request: Sampling, choice: int, seed: int) -> SamplingParams:
    """Parameters for choice number ``choice`` of ``request``; ``seed`` is the request's, or a random one."""
    return SamplingParams(
        temperature=_or(request.temperature, TEMPERATURE),
        top_k=int(_or(request.top_k, TOP_K)),
        top_p=_or(request.top_p, TOP_P),
        min_p=_or(request.min_p, MIN_P),
        seed=derive_seed(seed, choice),
        repeat_penalty=_or(request.repeat_penalty, 1.0),
        frequency_penalty=_or(request.frequency_penalty, 0.0),
        presence_penalty=_or(request.presence_penalty, 0.0),
        logit_bias=tuple((int(token), bias) for token, bias in (request.logit_bias or {}).items()),
    )


def request_seed(request: Sampling) -> int:
    """The client's seed, or a fresh one."""
    return secrets.randbits(32) if request.seed is None else request.seed


def derive_seed(seed: int, choice: int) -> int:
    """A seed of 32 bits for each choice. All ones would mean "random" to llama.cpp and is never returned."""
    derived = (seed ^ (seed >> 32)) + choice * _GOLDEN & _SEED_MASK
    return derived - 1 if derived == _SEED_MASK else derived


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
