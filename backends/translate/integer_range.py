"""A grammar for the integers between two bounds. Pure."""

_MOST_DIGITS = 16


def integer_range(low: int | None, high: int | None) -> str:
    """GBNF for the decimal integers from ``low`` to ``high``, both included; None is no bound (up to 16 digits).

    Empty when there is no such integer.
    """
    top = 10**_MOST_DIGITS - 1
    low = -top if low is None else max(low, -top)
    high = top if high is None else min(high, top)
    if low > high:
        return ""
    options: list[str] = []
    if low < 0:
        options.append(f'"-" ( {_natural(max(1, -high), -low)} )')
    if high >= 0:
        options.append(_natural(max(0, low), high))
    return " | ".join(options)


def _natural(low: int, high: int) -> str:
    """Non-negative integers, split by their number of digits."""
    options: list[str] = []
    for digits in range(len(str(low)), len(str(high)) + 1):
        least = 0 if digits == 1 else 10 ** (digits - 1)
        options.append(_same_length(str(max(low, least)), str(min(high, 10**digits - 1))))
    return " | ".join(options)


def _same_length(low: str, high: str) -> str:
    """Numbers of one length: digit by digit along the bounds, free in between."""
    if not low:
        return '""'
    if low == "0" * len(low) and high == "9" * len(high):
        return _free(len(low))
    if low[0] == high[0]:
        rest = _same_length(low[1:], high[1:])
        return f'"{low[0]}"' if rest == '""' else f'"{low[0]}" ( {rest} )'
    rest = len(low) - 1
    first, last = int(low[0]), int(high[0])
    options: list[str] = []
    if low[1:].strip("0"):
        options.append(f'"{first}" ( {_same_length(low[1:], "9" * rest)} )')
        first += 1
    if high[1:].strip("9"):
        last -= 1
    if first <= last:
        digit = f'"{first}"' if first == last else f"[{first}-{last}]"
        options.append(f"{digit} {_free(rest)}".strip())
    if high[1:].strip("9"):
        options.append(f'"{high[0]}" ( {_same_length("0" * rest, high[1:])} )')
    return " | ".join(options)


def _free(digits: int) -> str:
    return "" if digits == 0 else "[0-9]" if digits == 1 else f"[0-9]{{{digits}}}"
