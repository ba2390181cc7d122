"""What a call has cost, by what was measured, and what it may cost at most, before it is made. Pure; whole numbers."""

from msgspec import Struct

from backends.cloud.price import ClipRate, ImageRate, Price, TokenRates
from gateway.spending.money import MOST, nano

TOKENS_PER_PICTURE = 8_192
"""More than any provider is known to count for one picture of a prompt."""
_MILLION = 1_000_000


class Tokens(Struct, frozen=True, kw_only=True):
    """``cached`` and ``cache_write`` are parts of ``input``, ``reasoning`` is part of ``output``."""

    input: int = 0
    cached: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0


class Pictures(Struct, frozen=True, kw_only=True):
    """Pictures that are made. Pixels of one; ``quality`` in the provider's words."""

    count: int
    pixels: int
    quality: str | None = None


class Clips(Struct, frozen=True, kw_only=True):
    """Clips that are made. ``lines``: pixels of the shorter side; ``milliseconds`` of one, as the provider counts."""

    count: int = 1
    lines: int
    milliseconds: int
    sound: bool = False


class Usage(Struct, frozen=True, kw_only=True):
    """What one call used."""

    tokens: Tokens = Tokens()
    pictures: Pictures | None = None
    clips: Clips | None = None


class Wanted(Struct, frozen=True, kw_only=True):
    """What is known of a call before it is made.

    ``text_bytes``: its body without pictures. ``pictures_read``: pictures of its prompt, by value or by URL.
    ``context_tokens``: most input that the model takes, ``None`` where nobody says. ``output_tokens``: most of one
    answer: what the request asks for, else the profile's limit. ``n``: answers.
    """

    text_bytes: int = 0
    pictures_read: int = 0
    context_tokens: int | None = None
    output_tokens: int = 0
    n: int = 1
    pictures: Pictures | None = None
    clips: Clips | None = None


def cost(price: Price, usage: Usage) -> int:
    """In billionths of a dollar, rounded up once."""
    tokens = usage.tokens
    asked = _tokens(_rates(price, tokens.input), tokens) if price.tokens is not None else 0
    return _sum(price, asked, usage.pictures, usage.clips)


def most(price: Price, wanted: Wanted) -> int:
    """No less than ``cost`` of whatever comes of it, as long as the provider keeps to what was asked for.

    A token is at least one byte of text (what a template adds is shorter than the JSON around it), and every token is
    charged at its dearest: written into the cache, thought about, in each tier that the input may reach.
    """
    read = wanted.text_bytes + wanted.pictures_read * TOKENS_PER_PICTURE
    if wanted.context_tokens is not None:
        read = min(read, wanted.context_tokens)
    asked = max((_dearest(rates, read, wanted.output_tokens * wanted.n) for rates in _reached(price, read)), default=0)
    return _sum(price, asked, wanted.pictures, wanted.clips)


def _sum(price: Price, tokens: int, pictures: Pictures | None, clips: Clips | None) -> int:
    """``tokens`` in millionths of an amount."""
    total = tokens + nano(price.request) * _MILLION
    if pictures is not None and price.images:
        total += pictures.count * _picture(price.images, pictures)
    if clips is not None and price.clips:
        total += clips.count * _clip(price.clips, clips)
    return min(MOST, max(-(-total // _MILLION), nano(price.least)))


def _rates(price: Price, read: int) -> TokenRates:
    """Of the highest tier that ``read`` tokens of input are above."""
    reached = [tier for tier in price.tiers if read > tier.above]
    assert price.tokens is not None
    return max(reached, key=lambda tier: tier.above).rates if reached else price.tokens


def _reached(price: Price, read: int) -> list[TokenRates]:
    if price.tokens is None:
        return []
    return [price.tokens, *(tier.rates for tier in price.tiers if read > tier.above)]


def _tokens(rates: TokenRates, tokens: Tokens) -> int:
    """In millionths of an amount: rates are for a million. Parts that exceed the whole count as they are told."""
    input_, output = nano(rates.input), nano(rates.output)
    plain = max(0, tokens.input - tokens.cached - tokens.cache_write)
    said = max(0, tokens.output - tokens.reasoning)
    return (
        plain * input_
        + tokens.cached * _or(rates.cached_input, input_)
        + tokens.cache_write * _or(rates.cache_write, input_)
        + said * output
        + tokens.reasoning * _or(rates.reasoning, output)
    )


def _dearest(rates: TokenRates, read: int, written: int) -> int:
    input_, output = nano(rates.input), nano(rates.output)
    dearest = max(input_, _or(rates.cached_input, input_), _or(rates.cache_write, input_))
    return read * dearest + written * max(output, _or(rates.reasoning, output))


def _or(rate: float | None, whole: int) -> int:
    return whole if rate is None else nano(rate)


def _picture(rates: tuple[ImageRate, ...], made: Pictures) -> int:
    """One picture, in millionths of an amount."""

    def charge(rate: ImageRate) -> int:
        return nano(rate.usd) * (made.pixels if rate.per == "megapixel" else _MILLION)

    for rate in rates:
        small = rate.up_to_pixels is None or made.pixels <= rate.up_to_pixels
        if small and (rate.quality is None or rate.quality == made.quality):
            return charge(rate)
    return max(charge(rate) for rate in rates)


def _clip(rates: tuple[ClipRate, ...], made: Clips) -> int:
    """One clip, in millionths of an amount."""

    def charge(rate: ClipRate) -> int:
        return nano(rate.usd) * (made.milliseconds * 1_000 if rate.per == "second" else _MILLION)

    for rate in rates:
        small = rate.up_to_lines is None or made.lines <= rate.up_to_lines
        short = rate.up_to_seconds is None or made.milliseconds <= rate.up_to_seconds * 1_000
        if small and short and (rate.sound is None or rate.sound == made.sound):
            return charge(rate)
    return max(charge(rate) for rate in rates)
