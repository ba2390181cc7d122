# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# llama_cpp has no types that a strict check could follow.
"""The choice of the next token of one sequence: a chain of native samplers, or a plain maximum where that is all.

A grammar is asked about the chosen token first; only when it refuses are all candidates put through it, since that
costs milliseconds a token.
"""

import ctypes

import llama_cpp
import numpy as np

from backends.errors import BackendError, Cause
from backends.llama_cpp.worker.batch.model import Model
from backends.llama_cpp.worker.runtime import SamplingParams

PENALTY_WINDOW = 64
_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class Sampler:
    """Samples for one sequence. ``close`` frees native memory; it is idempotent."""

    def __init__(self, model: Model, params: SamplingParams, grammar: str) -> None:
        self._model = model
        self._greedy = params.temperature == 0 and not _penalises(params) and not params.logit_bias
        self._penalises = _penalises(params)
        self._grammar = _grammar(model, grammar) if grammar else None
        self._chain = None if self._greedy else _chain(model, params)
        self._field = _Candidates(model.size) if self._grammar is not None else None

    def prime(self, prompt: list[int]) -> None:
        """Let penalties see the end of the prompt."""
        if self._penalises:
            for token in prompt[-PENALTY_WINDOW:]:
                llama_cpp.llama_sampler_accept(self._chain, token)

    def sample(self, context: llama_cpp.llama_context_p, index: int, logits: np.ndarray) -> int:
        """Choose and accept the next token from the output at ``index``, whose logits are given."""
        if self._grammar is None or self._field is None:
            if self._chain is None:
                return int(logits.argmax())
            return llama_cpp.llama_sampler_sample(self._chain, context, index)
        token = self._choose(logits)
        if not self._field.allowed(self._grammar, token):
            token = self._choose(logits, self._grammar)
        llama_cpp.llama_sampler_accept(self._grammar, token)
        if self._chain is not None:
            llama_cpp.llama_sampler_accept(self._chain, token)
        return token

    def _choose(self, logits: np.ndarray, grammar: object = None) -> int:
        if grammar is None and self._chain is None:
            return int(logits.argmax())
        assert self._field is not None
        candidates = self._field.fill(logits)
        if grammar is not None:
            llama_cpp.llama_sampler_apply(grammar, ctypes.byref(candidates))
        if self._chain is None:
            return self._field.best()
        llama_cpp.llama_sampler_apply(self._chain, ctypes.byref(candidates))
        return candidates.data[candidates.selected].id

    def close(self) -> None:
        for native in (self._chain, self._grammar):
            if native is not None:
                llama_cpp.llama_sampler_free(native)
        self._chain = self._grammar = None


class _Candidates:
    """The array that native samplers work on, refilled for every token."""

    def __init__(self, size: int) -> None:
        self._all = np.zeros(size, dtype=_CANDIDATE)
        self._fresh = np.arange(size, dtype=np.int32)
        self._array = llama_cpp.llama_token_data_array(data=_data(self._all), size=size)
        self._one = np.zeros(1, dtype=_CANDIDATE)
        self._single = llama_cpp.llama_token_data_array(data=_data(self._one), size=1)

    def fill(self, logits: np.ndarray) -> llama_cpp.llama_token_data_array:
        self._all["id"], self._all["logit"], self._all["p"] = self._fresh, logits, 0
        self._array.size, self._array.selected, self._array.sorted = len(self._all), -1, False
        return self._array

    def best(self) -> int:
        return int(self._all["id"][self._all["logit"].argmax()])

    def allowed(self, grammar: object, token: int) -> bool:
        self._one[0] = (token, 1.0, 0.0)
        self._single.size, self._single.selected, self._single.sorted = 1, -1, False
        llama_cpp.llama_sampler_apply(grammar, ctypes.byref(self._single))
        return bool(np.isfinite(self._one["logit"][0]))


def _data(array: np.ndarray) -> object:
    return ctypes.cast(array.ctypes.data, llama_cpp.llama_token_data_p)


def _penalises(params: SamplingParams) -> bool:
    return params.repeat_penalty != 1 or params.frequency_penalty != 0 or params.presence_penalty != 0


def _grammar(model: Model, grammar: str) -> object:
    native = llama_cpp.llama_sampler_init_grammar(model.vocabulary, grammar.encode(), b"root")
    if not native:
        raise BackendError(Cause.INVALID_REQUEST, "The requested output format could not be turned into a grammar.")
    return native


def _chain(model: Model, params: SamplingParams) -> object:
    chain = llama_cpp.llama_sampler_chain_init(llama_cpp.llama_sampler_chain_default_params())
    for sampler in _samplers(model, params):
        llama_cpp.llama_sampler_chain_add(chain, sampler)
    return chain


def _samplers(model: Model, params: SamplingParams) -> list[object]:
    """Native samplers in llama.cpp's usual order."""
    samplers = []
    biases = [(token, bias) for token, bias in params.logit_bias if token < model.size]
    if biases:
        native = (llama_cpp.llama_logit_bias * len(biases))(*(llama_cpp.llama_logit_bias(*pair) for pair in biases))
        samplers.append(llama_cpp.llama_sampler_init_logit_bias(model.size, len(biases), native))
    if _penalises(params):
        penalties = (params.repeat_penalty, params.frequency_penalty, params.presence_penalty)
        samplers.append(llama_cpp.llama_sampler_init_penalties(model.size, PENALTY_WINDOW, *penalties))
    if params.temperature == 0:
        return [*samplers, llama_cpp.llama_sampler_init_greedy()]
    if params.top_k:
        samplers.append(llama_cpp.llama_sampler_init_top_k(params.top_k))
    if params.top_p < 1:
        samplers.append(llama_cpp.llama_sampler_init_top_p(params.top_p, 1))
    if params.min_p:
        samplers.append(llama_cpp.llama_sampler_init_min_p(params.min_p, 1))
    samplers.append(llama_cpp.llama_sampler_init_temp(params.temperature))
    return [*samplers, llama_cpp.llama_sampler_init_dist(params.seed)]
