"""US dollars on the command line, as exact amounts: ``5``, ``0.5``, ``$1.20``, and ``none`` for no limit."""

from typing import Literal

import click

from gateway.spending.money import nano

Unlimited = Literal["none"]


class Amount(click.ParamType[int]):
    """Billionths of a dollar."""

    name = "USD"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            return nano(str(value).removeprefix("$"))
        except ValueError:
            self.fail(f"{value!r} is not an amount of US dollars between 0 and a million", param, ctx)


class Limit(click.ParamType[int | Unlimited]):
    """The same, or ``none``."""

    name = "USD|none"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | Unlimited:
        return "none" if str(value).lower() == "none" else AMOUNT.convert(value, param, ctx)


class CountOrNone(click.ParamType[int | Unlimited]):
    """A whole number, or ``none``."""

    name = "INTEGER|none"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | Unlimited:
        if str(value).lower() == "none":
            return "none"
        if not str(value).isdecimal():
            self.fail(f"{value!r} is neither a whole number nor none", param, ctx)
        return int(str(value))


AMOUNT = Amount()
LIMIT = Limit()
COUNT_OR_NONE = CountOrNone()
