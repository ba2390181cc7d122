# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# llama_cpp has no types that a strict check could follow.
"""The runtime on llama-cpp-python: loads the model and offers the engine's thread as a ``Runtime``."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

from backends.errors import BackendError, Cause
from backends.llama_cpp.config import WorkerConfig
from backends.llama_cpp.worker.batch import native_log, threads
from backends.llama_cpp.worker.batch.context import Context
from backends.llama_cpp.worker.batch.engine import Engine
from backends.llama_cpp.worker.batch.job import EmbeddingJob, Job, PieceQueue
from backends.llama_cpp.worker.batch.model import Model
from backends.llama_cpp.worker.batch.sampler import Sampler
from backends.llama_cpp.worker.memory import resident_bytes
from backends.llama_cpp.worker.runtime import Counters, Generation, ModelFacts, Vector

_LONG_TEXT = 1 << 14


class BatchRuntime:
    """Implements ``Runtime``. ``died`` completes when the engine's thread ends by itself."""

    def __init__(self, model: Model, context: Context, config: WorkerConfig) -> None:
        self.died: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._model = model
        self._context = context
        self._queue_limit = config.queue
        self._pools_last = model.pools_last
        self._engine = Engine(model, context, config.slots, self._on_death)
        self._facts = _facts(model, config)

    @classmethod
    async def load(cls, config: WorkerConfig) -> "BatchRuntime":
        """Load off the event loop. Raises ``BackendError(LOAD_FAILED | OUT_OF_MEMORY)``."""
        # A thread that ends: OpenMP keeps the helpers of every thread that has computed, and with more of them than
        # processors all wait asleep instead of spinning. That cost the decode thread a third of its speed (measured).
        loader = ThreadPoolExecutor(max_workers=1)
        try:
            model, context = await asyncio.get_running_loop().run_in_executor(loader, _load, config)
        finally:
            loader.shutdown(wait=False)
        return cls(model, context, config)

    @property
    def facts(self) -> ModelFacts:
        return self._facts

    async def tokenize(self, text: str) -> list[int]:
        if len(text) < _LONG_TEXT:
            return self._model.tokenize(text)
        return await asyncio.to_thread(self._model.tokenize, text)

    async def texts(self, tokens: list[int]) -> list[bytes]:
        return [self._model.text(token) for token in tokens]

    def generate(self, generation: Generation) -> PieceQueue:
        self._check_room(1)
        sampler = Sampler(self._model, generation.sampling, generation.grammar)
        queue = PieceQueue(lambda: self._engine.cancel(job))
        job = Job(generation, sampler, queue)
        self._engine.submit(job)
        return queue

    async def embed(self, inputs: list[list[int]]) -> list[Vector]:
        self._check_room(len(inputs))
        loop = asyncio.get_running_loop()
        jobs = [EmbeddingJob(prompt, loop.create_future()) for prompt in inputs]
        for job in jobs:
            self._engine.submit(job)
        try:
            return [(await job.done).tolist() for job in jobs]
        finally:
            for job in jobs:
                self._engine.cancel(job)

    async def counters(self) -> Counters:
        stepper = self._engine.stepper
        return Counters(
            prompt_tokens=stepper.prompt_tokens,
            cached_tokens=stepper.cached_tokens,
            generated_tokens=stepper.generated_tokens,
            decode_steps=stepper.steps,
            slots_busy=self._engine.busy,
            queued=self._engine.queued,
        )

    async def aclose(self) -> None:
        await asyncio.to_thread(self._engine.stop)
        self._context.close()
        self._model.close()

    def _check_room(self, jobs: int) -> None:
        if self._engine.queued + jobs > max(self._queue_limit, jobs):
            raise BackendError(Cause.QUEUE_FULL, "Too many requests wait for this model.", retry_after=2.0)

    def _on_death(self) -> None:
        if not self.died.done():
            self.died.set_result("the decode thread ended: " + "".join(native_log.tail)[-2000:])


def _load(config: WorkerConfig) -> tuple[Model, Context]:
    model = Model(config)
    context = Context(model, config)
    token = 0 if model.bos is None else model.bos
    context.warm_up(token)
    if not config.threads:
        context.tune_threads(token, threads.available())
    return model, context


def _facts(model: Model, config: WorkerConfig) -> ModelFacts:
    return ModelFacts(
        slots=config.slots,
        slot_context=config.slot_context,
        chat_template=model.metadata("tokenizer.chat_template"),
        bos_text="" if model.bos is None else model.text(model.bos).decode("utf-8", "replace"),
        eos_text="" if model.eos is None else model.text(model.eos).decode("utf-8", "replace"),
        bos=model.bos if model.adds_bos else None,
        vocabulary=model.size,
        engine="llama-cpp-python",
        engine_version=version("llama_cpp_python"),
        device_bytes=native_log.device_bytes(),
        buffer_bytes=sum(native_log.buffers.values()),
        host_bytes=resident_bytes(),
        embedding_context=config.slot_context if config.args.embeddings else 0,
    )
