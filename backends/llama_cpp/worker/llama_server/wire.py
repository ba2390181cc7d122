"""The shapes of llama.cpp's native endpoints, as far as the runtime uses them."""

from msgspec import Struct

from backends.llama_cpp.worker.runtime import Candidate, Generation, Score

_SAMPLERS = ["penalties", "top_k", "top_p", "min_p", "temperature"]
_PENALTY_WINDOW = 64


class CompletionCall(Struct, kw_only=True, omit_defaults=True):
    """Body of ``POST /completion``."""

    prompt: list[int]
    n_predict: int
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    seed: int
    repeat_penalty: float
    frequency_penalty: float
    presence_penalty: float
    repeat_last_n: int
    samplers: list[str]
    stream: bool
    cache_prompt: bool
    return_tokens: bool
    return_progress: bool
    logit_bias: list[tuple[int, float]] = []
    grammar: str = ""
    n_probs: int = 0
    preserved_tokens: list[str] = []


class Probability(Struct):
    id: int
    bytes: list[int]
    logprob: float

    def candidate(self) -> Candidate:
        return Candidate(self.id, bytes(self.bytes), self.logprob)


class TokenProbability(Probability):
    top_logprobs: list[Probability] = []

    def score(self, top: int) -> Score:
        return Score(self.candidate(), tuple(one.candidate() for one in self.top_logprobs[:top]))


class Progress(Struct):
    """``cache`` tokens of the prompt were reused."""

    cache: int = 0


class PartialResult(Struct):
    """One event of a stream. ``tokens_predicted`` counts from the start; the last event has ``stop``.

    Events with ``prompt_progress`` come before the first token and have no text.
    """

    content: str = ""
    tokens: list[int] = []
    tokens_predicted: int = 0
    stop: bool = False
    stop_type: str = ""
    completion_probabilities: list[TokenProbability] = []
    prompt_progress: Progress | None = None


class ServerProps(Struct):
    """Part of ``GET /props``."""

    chat_template: str = ""
    bos_token: str = ""
    eos_token: str = ""


class TokenList(Struct):
    tokens: list[int]


class Detokenized(Struct):
    content: str


class EmbeddingVector(Struct):
    embedding: list[float]


class EmbeddingData(Struct):
    data: list[EmbeddingVector]


class ServerModel(Struct):
    class Meta(Struct):
        n_vocab: int

    meta: Meta


class ServerModels(Struct):
    """Part of ``GET /v1/models``."""

    data: list[ServerModel]


def completion_call(generation: Generation, shown: list[str]) -> CompletionCall:
    """The native request for a generation; ``shown`` are the texts of control tokens to output."""
    sampling = generation.sampling
    return CompletionCall(
        prompt=generation.prompt,
        n_predict=generation.max_tokens,
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        min_p=sampling.min_p,
        seed=sampling.seed,
        repeat_penalty=sampling.repeat_penalty,
        frequency_penalty=sampling.frequency_penalty,
        presence_penalty=sampling.presence_penalty,
        repeat_last_n=_PENALTY_WINDOW,
        samplers=_SAMPLERS,
        stream=True,
        cache_prompt=True,
        return_tokens=True,
        return_progress=True,
        logit_bias=list(sampling.logit_bias),
        grammar=generation.grammar,
        n_probs=0 if generation.top_logprobs is None else max(1, generation.top_logprobs),
        preserved_tokens=shown,
    )
