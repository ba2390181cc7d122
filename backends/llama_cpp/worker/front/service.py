"""What every endpoint works with: the loaded model, its names, and how requests become generations."""

import time
import uuid

import msgspec

from backends.errors import BackendError, Cause
from backends.llama_cpp.worker.front.conversation import Conversation
from backends.llama_cpp.worker.front.sampling import request_seed, sampling_params
from backends.llama_cpp.worker.runtime import Generation, Runtime
from backends.wire.openai_sampling import Sampling
from backends.wire.openai_usage import PromptDetails, Usage


class Service(msgspec.Struct, frozen=True):
    """A runtime under the name that answers carry."""

    runtime: Runtime
    model: str
    conversation: Conversation

    def room(self, prompt: list[int], limit: int | None, param: str) -> int:
        """Tokens that may be generated after ``prompt``: as many as wanted, if so many are left.

        Agents ask for more than they need and do not understand a refusal. Raises ``BackendError(CONTEXT_LENGTH)``
        where not even one is left, before any work.
        """
        context = self.runtime.facts.slot_context
        left = context - len(prompt)
        if left < 1:
            raise BackendError(
                Cause.CONTEXT_LENGTH,
                f"This model's maximum context length is {context} tokens, but the request needs {len(prompt) + 1}: "
                f"{len(prompt)} in the prompt and 1 for the answer.",
                param=param,
            )
        return left if limit is None else min(limit, left)

    def with_bos(self, tokens: list[int]) -> list[int]:
        """``tokens`` with the token that begins a text, where the model wants one and it is not there yet."""
        bos = self.runtime.facts.bos
        return tokens if bos is None or tokens[:1] == [bos] else [bos, *tokens]

    def generations(self, template: Generation, request: Sampling) -> list[Generation]:
        """``n`` copies of ``template``, each with a seed of its own."""
        seed = request_seed(request)
        return [
            msgspec.structs.replace(template, sampling=sampling_params(request, choice, seed))
            for choice in range(request.n or 1)
        ]


def answer_id(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex}"


def now() -> int:
    """Unix seconds, for ``created``."""
    return int(time.time())


def usage(prompt_tokens: int, generated: int, cached: int) -> Usage:
    """OpenAI's usage object from counts of tokens."""
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=generated,
        total_tokens=prompt_tokens + generated,
        prompt_tokens_details=PromptDetails(cached_tokens=cached),
    )
