# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# llama_cpp has no types that a strict check could follow.
"""The native context: its memory, its batch buffers and one call of the engine. For one thread only.

A batch must not ask for more outputs than ``outputs``: the library ends the process when it does.
"""

import ctypes
import time

import llama_cpp
import numpy as np
from numpy.ctypeslib import as_array

from backends.errors import BackendError, Cause
from backends.llama_cpp.config import WorkerConfig
from backends.llama_cpp.worker.batch import threads
from backends.llama_cpp.worker.batch.model import Model

_CACHE_TYPES = {
    "f16": llama_cpp.GGML_TYPE_F16,
    "q8_0": llama_cpp.GGML_TYPE_Q8_0,
    "q4_0": llama_cpp.GGML_TYPE_Q4_0,
}
_REPEATS = 3
_OUTPUTS = 32


class Context:
    """Memory for ``slots`` sequences in one shared buffer, and reusable arrays for a batch."""

    def __init__(self, model: Model, config: WorkerConfig) -> None:
        self.most = max(config.args.batch_tokens, config.slots)
        self.outputs = max(_OUTPUTS, config.slots)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = config.context_tokens
        params.n_batch = params.n_ubatch = self.most
        params.n_seq_max = config.slots
        params.n_outputs_max = self.outputs
        params.n_threads = params.n_threads_batch = config.threads or threads.available()
        params.type_k = _CACHE_TYPES[config.args.cache_type_k]
        params.type_v = _CACHE_TYPES[config.args.cache_type_v]
        params.pooling_type = llama_cpp.LLAMA_POOLING_TYPE_NONE
        params.kv_unified = True
        params.swa_full = False
        params.no_perf = True
        self.handle = llama_cpp.llama_init_from_model(model.handle, params)
        if not self.handle:
            raise BackendError(Cause.OUT_OF_MEMORY, "There is not enough memory for the context.")
        self._model = model
        self._slots = config.slots
        self._memory = llama_cpp.llama_get_memory(self.handle)
        if not self._memory:
            raise BackendError(Cause.LOAD_FAILED, "Models that only encode need the runtime xllamacpp.")
        self.tokens, self.positions, self.sequences, _ones = (np.ones(self.most, dtype=np.int32) for _ in range(4))
        self.wanted = np.zeros(self.most, dtype=np.int8)
        self._arrays = (_ones, _sequence_pointers(self.sequences))  # the batch points into them
        self._batch = llama_cpp.llama_batch(
            token=_pointer(self.tokens, llama_cpp.llama_token),
            pos=_pointer(self.positions, llama_cpp.llama_pos),
            n_seq_id=_pointer(_ones, ctypes.c_int32),
            seq_id=self._arrays[1],
            logits=_pointer(self.wanted, ctypes.c_int8),
        )
        self._count = 0
        self._one_thread = self._token_threads = self._prompt_threads = self._threads = params.n_threads

    def warm_up(self, token: int) -> None:
        """Touch every weight once, so that the first request is quick and the memory report true."""
        self._time([token])

    def tune_threads(self, token: int, most: int) -> None:
        """Measure with how many threads one sequence, and with how many all slots together, are computed best.

        Prompts, of many tokens at once, get all of them.
        """

        def seconds(count: int, tokens: list[int]) -> float:
            llama_cpp.llama_set_n_threads(self.handle, count, count)
            return min(self._time(tokens) for _ in range(_REPEATS))

        one = threads.fewest_useful(lambda count: seconds(count, [token]), most)
        many = threads.fewest_useful(lambda count: seconds(count, [token] * self._slots), most)
        llama_cpp.llama_set_n_threads(self.handle, one, many)
        self._one_thread, self._token_threads, self._threads = one, many, many

    def _time(self, tokens: list[int]) -> float:
        self.clear_batch()
        for sequence, token in enumerate(tokens):
            self.add(sequence, 0, [token], every_output=True)
        started = time.perf_counter()
        if self.compute() != 0:
            raise BackendError(Cause.LOAD_FAILED, "The model cannot compute on this machine.")
        seconds = time.perf_counter() - started
        for sequence in range(len(tokens)):
            self.forget(sequence, 0)
        return seconds

    def clear_batch(self) -> None:
        self._count = 0

    def add(self, sequence: int, start: int, tokens: list[int], *, every_output: bool) -> int:
        """Append tokens of a sequence; outputs for the last one or for all. Returns the index of the first."""
        first, end = self._count, self._count + len(tokens)
        self.tokens[first:end] = tokens
        self.positions[first:end] = np.arange(start, start + len(tokens), dtype=np.int32)
        self.sequences[first:end] = sequence
        self.wanted[first:end] = every_output
        self.wanted[end - 1] = True
        self._count = end
        return first

    def drop_output(self, index: int) -> None:
        """The token at ``index`` needs no output (a share of a prompt that goes on)."""
        self.wanted[index] = False

    def compute(self) -> int:
        """One call of the engine. 0 is success, 1 means that memory is full; anything else is fatal."""
        self._batch.n_tokens = self._count
        wanted = self._prompt_threads if self._count > self._slots else self._token_threads
        if wanted != self._threads:
            llama_cpp.llama_set_n_threads(self.handle, self._one_thread, wanted)
            self._threads = wanted
        return llama_cpp.llama_decode(self.handle, self._batch)

    def logits(self, index: int) -> np.ndarray:
        """A view of the logits for the token at ``index`` of the batch, valid until the next call."""
        return as_array(llama_cpp.llama_get_logits_ith(self.handle, index), shape=(self._model.size,))

    def hidden(self, index: int) -> np.ndarray:
        """A view of the embedding of the token at ``index`` of the batch, valid until the next call."""
        return as_array(llama_cpp.llama_get_embeddings_ith(self.handle, index), shape=(self._model.width,))

    def embedding_mode(self, *, on: bool) -> None:
        llama_cpp.llama_set_embeddings(self.handle, on)

    def forget(self, sequence: int, start: int) -> bool:
        """Drop a sequence's memory from position ``start`` on. False when the model cannot cut there."""
        return bool(llama_cpp.llama_memory_seq_rm(self._memory, sequence, start, -1))

    def share(self, source: int, target: int, count: int) -> None:
        """Let ``target`` (empty) hold the first ``count`` tokens of ``source`` too; no data is copied."""
        llama_cpp.llama_memory_seq_cp(self._memory, source, target, 0, count)

    def first_position(self, sequence: int) -> int:
        """The first position still in memory; -1 when there is none."""
        return llama_cpp.llama_memory_seq_pos_min(self._memory, sequence)

    def close(self) -> None:
        llama_cpp.llama_free(self.handle)


def _pointer(array: np.ndarray, kind: type) -> ctypes._Pointer:
    return ctypes.cast(array.ctypes.data, ctypes.POINTER(kind))


def _sequence_pointers(ids: np.ndarray) -> ctypes.Array:
    """Pointers to each entry of ``ids``: the library wants a list of sequences a token, we have one each."""
    kind = ctypes.POINTER(llama_cpp.llama_seq_id)
    base, size = ids.ctypes.data, ids.itemsize
    return (kind * len(ids))(*(ctypes.cast(base + index * size, kind) for index in range(len(ids))))
