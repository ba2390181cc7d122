# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# llama_cpp has no types that a strict check could follow.
"""A loaded GGUF file and its vocabulary. Owns the native model; never computes."""

import ctypes
from pathlib import Path

import llama_cpp
from llama_cpp import _ggml as ggml

from backends.errors import BackendError, Cause
from backends.llama_cpp.config import WorkerConfig
from backends.llama_cpp.worker.batch import native_log

_MOE_TENSORS = rb"blk\.%d\.ffn_(up|down|gate|gate_up)_(ch|)exps"
_LOAD_MODES = {
    (False, False): llama_cpp.LLAMA_LOAD_MODE_NONE,
    (True, False): llama_cpp.LLAMA_LOAD_MODE_MMAP,
    (False, True): llama_cpp.LLAMA_LOAD_MODE_MLOCK,
    (True, True): llama_cpp.LLAMA_LOAD_MODE_MMAP_MLOCK,
}
_LONGEST_PIECE = 512


class _BufferOverride(ctypes.Structure):
    _fields_ = [("pattern", ctypes.c_char_p), ("buffer_type", ctypes.c_void_p)]


class Model:
    """The native model handle with what the front asks about it. Vocabulary calls are safe from any thread."""

    def __init__(self, config: WorkerConfig) -> None:
        native_log.capture()
        llama_cpp.llama_backend_init()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = config.args.gpu_layers
        params.load_mode = _LOAD_MODES[config.args.mmap, config.args.mlock]
        overrides = _expert_overrides(config.args.n_cpu_moe)
        if overrides is not None:
            params.tensor_buft_overrides = ctypes.cast(overrides, ctypes.c_void_p)
        split = _tensor_split(config.tensor_split)
        if split is not None:
            params.tensor_split = ctypes.cast(split, ctypes.POINTER(ctypes.c_float))
        self.handle = llama_cpp.llama_model_load_from_file(str(Path(config.model)).encode(), params)
        if not self.handle:
            reason = "".join(native_log.tail)
            raise BackendError(Cause.LOAD_FAILED, "The model file could not be loaded.", private=reason[-2000:])
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.handle)
        self.size = llama_cpp.llama_vocab_n_tokens(self.vocabulary)
        self.width = llama_cpp.llama_model_n_embd_out(self.handle)
        self.bos = _token_or_none(llama_cpp.llama_vocab_bos(self.vocabulary))
        self.eos = _token_or_none(llama_cpp.llama_vocab_eos(self.vocabulary))
        self.adds_bos = bool(llama_cpp.llama_vocab_get_add_bos(self.vocabulary))
        self._shown: list[bytes | None] = [None] * self.size
        self._texts: list[bytes | None] = [None] * self.size
        self._ends: dict[int, bool] = {}
        self._buffer = ctypes.create_string_buffer(_LONGEST_PIECE)

    @property
    def sequential_memory(self) -> bool:
        """True when memory cannot be cut or shared by position (recurrent and sliding-window models)."""
        model = self.handle
        return bool(
            llama_cpp.llama_model_is_recurrent(model)
            or llama_cpp.llama_model_is_hybrid(model)
            or llama_cpp.llama_model_n_swa(model) > 0
        )

    @property
    def window(self) -> int:
        """Tokens of a sliding attention window; 0 when attention sees everything."""
        return max(0, llama_cpp.llama_model_n_swa(self.handle))

    @property
    def pools_last(self) -> bool:
        """True when the file says that the last token's vector is the embedding; else it is the mean."""
        pooling = self.metadata(self.metadata("general.architecture") + ".pooling_type")
        return pooling == str(llama_cpp.LLAMA_POOLING_TYPE_LAST)

    def metadata(self, key: str) -> str:
        """A metadata value as text; empty when the file has none."""
        size = 1 << 12
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = llama_cpp.llama_model_meta_val_str(self.handle, key.encode(), buffer, size)
            if length < size:
                return buffer.value.decode("utf-8", "replace") if length > 0 else ""
            size = length + 1

    def tokenize(self, text: str) -> list[int]:
        """Token ids; control tokens are recognised in the text, nothing is added."""
        data = text.encode()
        room = len(data) + 8
        while True:
            tokens = (llama_cpp.llama_token * room)()
            count = llama_cpp.llama_tokenize(self.vocabulary, data, len(data), tokens, room, False, True)
            if count >= 0:
                return tokens[:count]
            room = -count

    def ends(self, token: int) -> bool:
        """True for the tokens with which the model ends its answer."""
        known = self._ends.get(token)
        if known is None:
            known = self._ends[token] = bool(llama_cpp.llama_vocab_is_eog(self.vocabulary, token))
        return known

    def shown(self, token: int) -> bytes:
        """The bytes that the token adds to the answer; nothing for control tokens. For one thread only."""
        text = self._shown[token]
        if text is None:
            text = self._shown[token] = self._piece(token, self._buffer, special=False)
        return text

    def text(self, token: int) -> bytes:
        """The bytes of any token, control tokens included."""
        text = self._texts[token]
        if text is None:
            buffer = ctypes.create_string_buffer(_LONGEST_PIECE)
            text = self._texts[token] = self._piece(token, buffer, special=True)
        return text

    def _piece(self, token: int, buffer: ctypes.Array, *, special: bool) -> bytes:
        length = llama_cpp.llama_token_to_piece(self.vocabulary, token, buffer, len(buffer), 0, special)
        if length >= 0:
            return buffer.raw[:length]
        return self._piece(token, ctypes.create_string_buffer(-length), special=special)

    def close(self) -> None:
        llama_cpp.llama_model_free(self.handle)


def _token_or_none(token: int) -> int | None:
    return token if token >= 0 else None


def _tensor_split(parts: tuple[float, ...]) -> ctypes.Array | None:
    """One part a device that the library may know of; those that are not named get nothing."""
    if not parts:
        return None
    most = llama_cpp.llama_max_devices()
    return (ctypes.c_float * most)(*parts[:most])


def _expert_overrides(layers: int) -> ctypes.Array | None:
    """Keep the experts of the first ``layers`` layers in host memory (a list that ends with a null entry)."""
    if layers <= 0:
        return None
    host = ggml.libggml.ggml_backend_cpu_buffer_type
    host.restype = ctypes.c_void_p
    overrides = (_BufferOverride * (layers + 1))()
    for layer in range(layers):
        overrides[layer] = _BufferOverride(_MOE_TENSORS % layer, host())
    return overrides
