"""Fields that chat and completion requests share, with their bounds.

Owns what a client may say about sampling, streaming and length. It never decides defaults of an engine.
"""

from typing import Annotated

from msgspec import Meta, Struct

from backends.errors import BackendError, Cause

Count = Annotated[int, Meta(ge=1, le=16)]
TokenCount = Annotated[int, Meta(ge=1, le=1 << 31)]
Probability = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Bias = Annotated[float, Meta(ge=-100, le=100)]
StopString = Annotated[str, Meta(min_length=1, max_length=1024)]
MAX_LOGIT_BIAS = 1024


class StreamOptions(Struct, frozen=True, kw_only=True):
    """``include_usage`` asks for one more chunk that carries the usage."""

    include_usage: bool | None = None


class Sampling(Struct, frozen=True, kw_only=True):
    """Sampling and length. ``None``: the client said nothing. ``top_k`` to ``repeat_penalty`` extend OpenAI."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    max_tokens: TokenCount | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Probability | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: dict[str, Bias] | None = None
    n: Count | None = None
    stop: StopString | Annotated[list[StopString], Meta(max_length=16)] | None = None
    seed: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: Annotated[str, Meta(max_length=1024)] | None = None
    top_k: Annotated[int, Meta(ge=-1, le=1 << 20)] | None = None
    min_p: Probability | None = None
    repeat_penalty: Annotated[float, Meta(gt=0, le=10)] | None = None

    def stop_strings(self) -> tuple[str, ...]:
        """``stop`` as a tuple, whatever form the client chose."""
        if self.stop is None:
            return ()
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    def wants_usage(self) -> bool:
        """True when a stream shall end with a usage chunk."""
        return self.stream_options is not None and bool(self.stream_options.include_usage)


def validate_sampling(request: Sampling) -> None:
    """Check the rules that no single field can express. Raises ``BackendError(INVALID_REQUEST)``."""
    if request.logit_bias and len(request.logit_bias) > MAX_LOGIT_BIAS:
        raise refuse("logit_bias", f"at most {MAX_LOGIT_BIAS} tokens")
    for token in request.logit_bias or ():
        if not (token.isascii() and token.isdigit() and len(token) <= 9):
            raise refuse("logit_bias", "keys are token ids")
    if request.stream_options is not None and not request.stream:
        raise refuse("stream_options", "only allowed when stream is true")


def refuse(param: str, reason: str) -> BackendError:
    """The refusal of one field; ``reason`` completes the sentence ``param: …``."""
    return BackendError(Cause.INVALID_REQUEST, f"{param}: {reason}.", param=param)
