"""Amounts: whole billionths of a US dollar, which hold a single token's price ($0.02 a million is 20 of them). Pure."""

from decimal import ROUND_CEILING, Decimal, InvalidOperation
from functools import lru_cache

NANO = 10**9
MOST = 10**6 * NANO
"""A million dollars. Thousands of such amounts add up to less than the databases' 64 bits hold."""


@lru_cache(4096, typed=True)  # prices are few, and each call reads a dozen of them
def nano(usd: float | str | Decimal) -> int:
    """Rounded up. A float is read as it is written, so 0.1 is a tenth. Raises ``ValueError`` for what is no amount."""
    try:
        amount = Decimal(str(usd))
    except InvalidOperation:
        raise ValueError(f"{usd!r} is not an amount of US dollars") from None
    if not amount.is_finite() or not 0 <= amount <= MOST // NANO:
        raise ValueError(f"{usd} is not an amount of US dollars")
    return int((amount * NANO).to_integral_value(ROUND_CEILING))


def usd(amount: int) -> Decimal:
    """Exact, without zeros at the end."""
    exact = Decimal(amount).scaleb(-9)
    return exact.quantize(Decimal(1)) if exact == exact.to_integral_value() else exact.normalize()


def dollars(amount: int | None) -> float | None:
    """For JSON, where it is known."""
    return None if amount is None else float(usd(amount))


def plain(amount: int) -> str:
    """For programs: ``0.00042``, never with an exponent."""
    return f"{usd(amount):f}"


def shown(amount: int) -> str:
    """For people: ``$1.50``, ``$0.00042``; cents at least, and never rounded."""
    exact = usd(amount)
    places = max(2, -int(exact.as_tuple().exponent))
    return f"${exact:,.{places}f}"
