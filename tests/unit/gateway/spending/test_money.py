"""Amounts: exact, rounded up where they must be, and never a float again."""

from decimal import Decimal

import pytest

from gateway.spending.money import MOST, NANO, nano, plain, shown, usd


@pytest.mark.parametrize(
    ("given", "amount"),
    [
        (0, 0), (0.1, 100_000_000), ("5", 5 * NANO), (0.12, 120_000_000), (1e-9, 1), ("0.0000000001", 1),
        (Decimal("2.5"), 2_500_000_000), (1_000_000, MOST), ("-0", 0),
    ],
)  # fmt: skip
def test_an_amount_is_read_as_it_is_written(given, amount):
    assert nano(given) == amount


@pytest.mark.parametrize("given", [-1, "-0.01", "nan", "inf", "sNaN", "", "five", "1,5", 1_000_001, "1e400", "$5"])
def test_what_is_no_amount_is_refused(given):
    with pytest.raises(ValueError, match="not an amount"):
        nano(given)


@pytest.mark.parametrize(
    ("amount", "exact", "words"),
    [
        (0, "0", "$0.00"), (1, "0.000000001", "$0.000000001"), (1_500_000_000, "1.5", "$1.50"),
        (420_000, "0.00042", "$0.00042"), (100 * NANO, "100", "$100.00"),
        (1_234_567_891_000, "1234.567891", "$1,234.567891"),
    ],
)  # fmt: skip
def test_an_amount_is_said_exactly(amount, exact, words):
    assert plain(amount) == exact
    assert shown(amount) == words
    assert nano(usd(amount)) == amount
