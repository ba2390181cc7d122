"""The runtime on xllamacpp: starts the child with llama.cpp's server and speaks to it over a Unix socket."""

import asyncio
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import msgspec

from backends.errors import BackendError, Cause
from backends.llama_cpp.config import WorkerConfig
from backends.llama_cpp.worker.llama_server.client import Connection
from backends.llama_cpp.worker.llama_server.gate import Gate
from backends.llama_cpp.worker.llama_server.stream import ServerStream
from backends.llama_cpp.worker.llama_server.wire import (
    Detokenized,
    EmbeddingData,
    ServerModels,
    ServerProps,
    TokenList,
)
from backends.llama_cpp.worker.memory import resident_bytes
from backends.llama_cpp.worker.runtime import Counters, Generation, ModelFacts, Vector

T = TypeVar("T")
_CHILD = "backends.llama_cpp.worker.llama_server.child"
_COUNTERS = {
    "llamacpp:prompt_tokens_total": "prompt_tokens",
    "llamacpp:prompt_tokens_cached_total": "cached_tokens",
    "llamacpp:tokens_predicted_total": "generated_tokens",
    "llamacpp:n_decode_total": "decode_steps",
    "llamacpp:requests_processing": "slots_busy",
    "llamacpp:requests_deferred": "queued",
}


class _Ready(msgspec.Struct):
    device_bytes: int


class LlamaServerRuntime:
    """Implements ``Runtime``. ``died`` completes when the child ends by itself."""

    def __init__(self, config: WorkerConfig, socket: str, child: asyncio.subprocess.Process):
        self.died: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._config = config
        self._socket = socket
        self._child = child
        self._gate = Gate(config.slots, config.queue)
        self._embedding = asyncio.Lock()
        self._texts: dict[int, bytes] = {}
        self._facts: ModelFacts | None = None
        self._watch = asyncio.ensure_future(self._watch_child())

    @classmethod
    async def load(cls, config: WorkerConfig) -> "LlamaServerRuntime":
        """Start the child and wait until it serves. Raises ``BackendError(LOAD_FAILED)``."""
        # Beside our own socket: whoever clears that folder after a killed worker clears these too.
        folder = Path(config.socket).parent
        socket, settings = folder / "llama.sock", folder / "llama.json"
        settings.write_bytes(msgspec.json.encode(config))
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", _CHILD, str(settings), str(socket)), stdin=pipe, stdout=pipe
        )
        runtime = cls(config, str(socket), child)
        try:
            assert child.stdout is not None
            line = await child.stdout.readline()
            if not line:
                status = await child.wait()
                raise BackendError(Cause.LOAD_FAILED, "The model could not be loaded.", private=f"exit status {status}")
            runtime._facts = await runtime._ask_facts(msgspec.json.decode(line, type=_Ready).device_bytes)
        except BaseException:
            await runtime.aclose()
            raise
        return runtime

    @property
    def facts(self) -> ModelFacts:
        assert self._facts is not None
        return self._facts

    async def tokenize(self, text: str) -> list[int]:
        call = {"content": text, "add_special": False, "parse_special": True}
        return (await self._post("/tokenize", call, TokenList)).tokens

    async def texts(self, tokens: list[int]) -> list[bytes]:
        for token in tokens:
            if token not in self._texts:
                answer = await self._post("/detokenize", {"tokens": [token]}, Detokenized)
                self._texts[token] = answer.content.encode()
        return [self._texts[token] for token in tokens]

    def generate(self, generation: Generation) -> ServerStream:
        if generation.score_prompt:
            raise BackendError(Cause.INVALID_REQUEST, "echo: not with logprobs in this runtime.", param="echo")
        return ServerStream(generation, Connection(self._socket), self.texts, self._gate.enter())

    async def embed(self, inputs: list[list[int]]) -> list[Vector]:
        vectors: list[Vector] = []
        place = self._gate.enter()
        try:
            await place.wait()
            # One text at a time: of texts of unequal length in one batch the server pools only the last part.
            async with self._embedding:
                for tokens in inputs:
                    answer = await self._post("/v1/embeddings", {"input": tokens}, EmbeddingData)
                    vectors.append(answer.data[0].embedding)
        finally:
            place.leave()
        return vectors

    async def counters(self) -> Counters:
        async with Connection(self._socket) as connection:
            text = (await connection.call("GET", "/metrics")).decode()
        lines = (line.partition(" ") for line in text.splitlines() if not line.startswith("#"))
        values = {_COUNTERS[name]: int(float(value)) for name, _, value in lines if name in _COUNTERS}
        values["queued"] = values.get("queued", 0) + self._gate.waiting
        return msgspec.convert(values, Counters)

    async def aclose(self) -> None:
        self._watch.cancel()
        if self._child.stdin is not None:
            self._child.stdin.close()
        if self._child.returncode is None:
            try:
                await asyncio.wait_for(self._child.wait(), timeout=2)
            except TimeoutError:
                self._child.kill()
                await self._child.wait()
        self._remove_socket()

    def _remove_socket(self) -> None:
        Path(self._socket).unlink(missing_ok=True)

    async def _post(self, path: str, body: object, answer: type[T]) -> T:
        async with Connection(self._socket) as connection:
            return msgspec.json.decode(await connection.call("POST", path, msgspec.json.encode(body)), type=answer)

    async def _get(self, path: str, answer: type[T]) -> T:
        async with Connection(self._socket) as connection:
            return msgspec.json.decode(await connection.call("GET", path), type=answer)

    async def _watch_child(self) -> None:
        status = await self._child.wait()
        if not self.died.done():
            self.died.set_result(f"the engine's process ended with status {status}")

    async def _ask_facts(self, device_bytes: int) -> ModelFacts:
        props = await self._get("/props", ServerProps)
        models = await self._get("/v1/models", ServerModels)
        plain = await self.tokenize("a")
        special = await self._post("/tokenize", {"content": "a", "add_special": True}, TokenList)
        args = self._config.args
        return ModelFacts(
            slots=self._config.slots,
            slot_context=self._config.slot_context,
            chat_template=props.chat_template,
            bos_text=props.bos_token,
            eos_text=props.eos_token,
            bos=special.tokens[0] if special.tokens[:1] != plain[:1] else None,
            vocabulary=models.data[0].meta.n_vocab,
            engine="xllamacpp",
            engine_version=version("xllamacpp"),
            device_bytes=device_bytes,
            buffer_bytes=0,
            host_bytes=resident_bytes() + resident_bytes(self._child.pid),
            embedding_context=min(self._config.slot_context, args.batch_tokens) if args.embeddings else 0,
        )
