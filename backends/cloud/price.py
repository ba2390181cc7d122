"""What a provider asks for a model, as its price list said on a day: in US dollars, as people write them. Shapes only:
``gateway.spending`` makes whole numbers of them.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from backends.cloud.scalars import Count, Date

Usd = Annotated[float, Meta(ge=0, le=100_000)]


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that is read from a file."""


class TokenRates(_Strict, frozen=True, kw_only=True):
    """US dollars per million tokens. ``cached_input`` (read from the provider's cache) and ``cache_write`` (put into
    it) are parts of the input, ``reasoning`` of the output; absent, they cost what the whole does.
    """

    input: Usd
    output: Usd = 0.0
    cached_input: Usd | None = None
    cache_write: Usd | None = None
    reasoning: Usd | None = None


class ContextTier(_Strict, frozen=True, kw_only=True):
    """A request with more than ``above`` tokens of input pays these ``rates`` for all of its tokens."""

    above: Count
    rates: TokenRates


class ImageRate(_Strict, frozen=True, kw_only=True):
    """US dollars per picture, or per million pixels. It is for pictures of up to ``up_to_pixels`` and of that
    ``quality``; absent means any.
    """

    usd: Usd
    per: Literal["image", "megapixel"] = "image"
    up_to_pixels: Count | None = None
    quality: str | None = None


class ClipRate(_Strict, frozen=True, kw_only=True):
    """US dollars per second, or per clip. It is for clips whose shorter side has up to ``up_to_lines`` pixels, that are
    up to ``up_to_seconds`` long, with or without ``sound``; absent means any.
    """

    usd: Usd
    per: Literal["second", "clip"] = "second"
    up_to_lines: Count | None = None
    up_to_seconds: Count | None = None
    sound: bool | None = None


class Price(_Strict, frozen=True, kw_only=True):
    """Everything that one request pays is added up. Of ``images`` and ``clips`` the first rate that fits counts; where
    none does, the dearest. ``request`` is paid besides, ``least`` at any rate. ``as_of``, ``source``: when and where it
    was read.
    """

    tokens: TokenRates | None = None
    tiers: tuple[ContextTier, ...] = ()
    images: tuple[ImageRate, ...] = ()
    clips: tuple[ClipRate, ...] = ()
    request: Usd = 0.0
    least: Usd = 0.0
    as_of: Date
    source: str
