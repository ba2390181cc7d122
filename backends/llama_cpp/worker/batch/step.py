# pyright: basic, reportMissingImports=false, reportAttributeAccessIssue=false
# llama_cpp and numpy views have no types that a strict check could follow.
"""One step: fill a batch from the slots, compute it, sample where an answer goes on, and say what came out.

Also counts. For the engine's thread only, except for the counters, which others may read.
"""

import time
from collections.abc import Callable
from functools import partial

from backends.errors import BackendError, Cause
from backends.llama_cpp.worker.batch.context import Context
from backends.llama_cpp.worker.batch.job import EmbeddingJob, Job
from backends.llama_cpp.worker.batch.model import Model
from backends.llama_cpp.worker.batch.scores import score
from backends.llama_cpp.worker.batch.slot import Slot
from backends.llama_cpp.worker.batch.stepping import Pace, Span, next_embedding, next_step
from backends.llama_cpp.worker.runtime import Piece

_MEMORY_FULL = 1
Outbox = list[Callable[[], None]]


class Stepper:
    """Runs steps for ``slots``; ``jobs`` has an entry a slot."""

    def __init__(self, model: Model, context: Context, slots: list[Slot]) -> None:
        self.jobs: list[Job | EmbeddingJob | None] = [None] * len(slots)
        self.prompt_tokens = self.cached_tokens = self.generated_tokens = self.steps = 0
        self._model = model
        self._context = context
        self._slots = slots
        self._pace = Pace(context.most)
        self._clock = 0

    def begin(self, slot: Slot) -> None:
        """Note how much of the prompt is there already, and prepare sampling."""
        job = self.jobs[slot.index]
        self.cached_tokens += len(slot.kept)
        if isinstance(job, Job):
            job.queue.cached_tokens = len(slot.kept)
            job.sampler.prime(job.generation.prompt)

    def release(self, slot: Slot) -> None:
        """Free the slot; what its memory holds stays for a later prompt."""
        job = self.jobs[slot.index]
        if job is not None:
            self.discard(job)
        self._clock += 1
        slot.last_used = self._clock
        slot.work = slot.next_token = self.jobs[slot.index] = None

    def discard(self, job: Job | EmbeddingJob) -> None:
        if isinstance(job, Job):
            job.sampler.close()

    def run(self) -> Outbox:
        """Compute one step of generation and one share of embedding. Returns what to tell the event loop."""
        outbox: Outbox = []
        alone = all(slot.next_token is None for slot in self._slots)
        limits = {"chunk": self._pace.chunk(alone=alone), "outputs": self._context.outputs}
        spans = next_step(self._slots, most=self._context.most, **limits)
        if spans:
            self._generate(spans, outbox)
        span = next_embedding(self._slots, **limits)
        if span is not None:
            self._embed(span, outbox)
        return outbox

    def _generate(self, spans: list[Span], outbox: Outbox) -> None:
        firsts = self._fill(spans)
        self._compute(sum(span.count for span in spans))
        for span, first in zip(spans, firsts, strict=True):
            slot = self._slots[span.slot]
            job = self.jobs[span.slot]
            assert isinstance(job, Job)
            self._keep(slot, span)
            if span.every_output:
                self._score_prompt(job, span, first)
            if slot.prompt_left == 0:
                self._sample(slot, job, first + span.count - 1, outbox)

    def _fill(self, spans: list[Span]) -> list[int]:
        self._context.clear_batch()
        firsts: list[int] = []
        for span in spans:
            slot = self._slots[span.slot]
            first = self._context.add(slot.index, span.start, _tokens(slot, span), every_output=span.every_output)
            if slot.prompt_left > span.count and not span.every_output:
                self._context.drop_output(first + span.count - 1)
            firsts.append(first)
        return firsts

    def _compute(self, tokens: int) -> None:
        started = time.monotonic()
        outcome = self._context.compute()
        if outcome == _MEMORY_FULL:
            self._forget_idle()
            outcome = self._context.compute()
        if outcome != 0:
            raise BackendError(Cause.INTERNAL, "The engine failed.", private=f"llama_decode returned {outcome}")
        self._pace.learn(tokens, time.monotonic() - started)
        self.steps += 1

    def _forget_idle(self) -> None:
        for slot in self._slots:
            if slot.work is None:
                self._context.forget(slot.index, 0)
                slot.kept = []

    def _keep(self, slot: Slot, span: Span) -> None:
        slot.kept.extend(_tokens(slot, span))
        if slot.next_token is None:
            self.prompt_tokens += span.count

    def _score_prompt(self, job: Job, span: Span, first: int) -> None:
        prompt = job.generation.prompt
        for offset in range(span.count):
            following = span.start + offset + 1
            if following < len(prompt):
                logits = self._context.logits(first + offset)
                top = job.generation.top_logprobs or 0
                job.prompt_scores.append(score(logits, prompt[following], top, self._model.text))
        job.queue.prompt_scores = tuple(job.prompt_scores)

    def _sample(self, slot: Slot, job: Job, index: int, outbox: Outbox) -> None:
        logits = self._context.logits(index)
        token = job.sampler.sample(self._context.handle, index, logits)
        wanted = job.generation.top_logprobs
        job.generated += 1
        self.generated_tokens += 1
        if self._model.ends(token):
            piece = Piece(token, b"", "stop")
        else:
            text = self._model.text(token) if token in job.generation.shown else self._model.shown(token)
            finish = "length" if job.generated >= job.generation.max_tokens else ""
            scored = None if wanted is None else score(logits, token, wanted, self._model.text)
            piece = Piece(token, text, finish, scored)
        if not job.cancelled:
            outbox.append(partial(job.queue.put, piece))
        slot.next_token = token
        if piece.finish:
            self.release(slot)

    def _embed(self, span: Span, outbox: Outbox) -> None:
        slot = self._slots[span.slot]
        job = self.jobs[span.slot]
        assert isinstance(job, EmbeddingJob)
        self._context.embedding_mode(on=True)
        first = self._fill([span])[0]
        self._compute(span.count)
        self._keep(slot, span)
        for offset in range(span.count):
            job.add(self._context.hidden(first + offset))
        self._context.embedding_mode(on=False)
        if slot.prompt_left == 0:
            outbox.append(partial(job.finish, job.pooled(last=self._model.pools_last)))
            self.release(slot)


def _tokens(slot: Slot, span: Span) -> list[int]:
    if slot.next_token is not None:
        return [slot.next_token]
    assert slot.work is not None
    return slot.work.prompt[span.start : span.start + span.count]
