"""What calls cost, by price lists as providers have them."""

import msgspec
import pytest

from backends.cloud.price import ClipRate, ContextTier, ImageRate, Price, TokenRates
from gateway.spending.cost import TOKENS_PER_PICTURE, Clips, Pictures, Tokens, Usage, Wanted, cost, most
from gateway.spending.money import MOST, nano

READ = {"as_of": "2026-11-23", "source": "https://provider.example/pricing"}
OPUS = Price(tokens=TokenRates(input=4, output=20, cached_input=0.4, cache_write=5), **READ)
SOL = Price(
    tokens=TokenRates(input=2, output=10),
    tiers=(ContextTier(above=272_000, rates=TokenRates(input=4, output=15)),),
    **READ,
)  # fmt: skip
VEO = Price(
    clips=(
        ClipRate(usd=0.084, up_to_lines=720, sound=False), ClipRate(usd=0.126, up_to_lines=720),
        ClipRate(usd=0.112, up_to_lines=1080, sound=False), ClipRate(usd=0.168, up_to_lines=1080),
        ClipRate(usd=0.42),
    ), **READ,
)  # fmt: skip
RAY = Price(
    clips=(
        ClipRate(usd=0.15, per="clip", up_to_lines=540, up_to_seconds=5),
        ClipRate(usd=0.45, per="clip", up_to_lines=540, up_to_seconds=10),
        ClipRate(usd=1.2, per="clip", up_to_lines=1080, up_to_seconds=5),
    ), **READ,
)  # fmt: skip


def chat(price: Price, **tokens: int) -> int:
    return cost(price, Usage(tokens=Tokens(**tokens)))


def clip(price: Price, lines: int, seconds: float, sound: bool = False) -> int:
    return cost(price, Usage(clips=Clips(lines=lines, milliseconds=int(seconds * 1000), sound=sound)))


def test_tokens_cost_by_the_million():
    assert chat(OPUS, input=1_000_000, output=100_000) == nano(4 + 2)
    assert chat(OPUS, input=1) == 4_000
    assert chat(OPUS) == 0


def test_parts_of_the_input_have_their_own_rates():
    assert chat(OPUS, input=1_000_000, cached=600_000, cache_write=300_000) == nano(0.4 + 0.24 + 1.5)
    cached_as_input = Price(tokens=TokenRates(input=2, output=10), **READ)
    assert chat(cached_as_input, input=10, cached=10) == chat(cached_as_input, input=10)


def test_thoughts_are_part_of_the_output():
    assert chat(OPUS, output=10, reasoning=4) == chat(OPUS, output=10)
    dear = Price(tokens=TokenRates(input=0, output=1, reasoning=3), **READ)
    assert chat(dear, output=1_000_000, reasoning=500_000) == nano(0.5 + 1.5)


def test_parts_that_exceed_the_whole_count_as_told():
    assert chat(OPUS, input=5, cached=10) == 10 * 400


def test_a_fraction_of_a_billionth_is_rounded_up_once():
    cheap = Price(tokens=TokenRates(input=0.0001, output=0.0001), **READ)
    assert chat(cheap, input=1, output=1) == 1
    assert chat(cheap, input=10, output=11) == 3


def test_a_long_prompt_pays_its_tier_for_every_token():
    assert chat(SOL, input=272_000, output=1_000) == 272_000 * 2_000 + 1_000 * 10_000
    assert chat(SOL, input=272_001, output=1_000) == 272_001 * 4_000 + 1_000 * 15_000


def test_the_highest_tier_counts_however_they_are_ordered():
    tiers = tuple(ContextTier(above=above, rates=TokenRates(input=usd)) for above, usd in ((200, 9), (100, 5)))
    price = Price(tokens=TokenRates(input=1), tiers=tiers, **READ)
    assert [chat(price, input=read) for read in (100, 150, 201)] == [100_000, 750_000, 201 * 9_000]


def test_pictures_cost_by_size_and_quality_else_the_dearest():
    price = Price(
        images=(
            ImageRate(usd=0.03, up_to_pixels=1_048_576, quality="turbo"), ImageRate(usd=0.06, up_to_pixels=1_048_576),
            ImageRate(usd=0.09, quality="quality"),
        ), **READ,
    )  # fmt: skip

    def asked(pixels: int, quality: str | None = None) -> int:
        return cost(price, Usage(pictures=Pictures(count=2, pixels=pixels, quality=quality)))

    assert asked(1_048_576, "turbo") == nano(0.06)
    assert asked(1_048_576) == nano(0.12)
    assert asked(2_000_000, "quality") == nano(0.18)
    assert asked(2_000_000, "turbo") == nano(0.18), "no rate fits"


def test_megapixels_are_counted_by_the_pixel():
    price = Price(images=(ImageRate(usd=0.03, per="megapixel"),), **READ)
    assert cost(price, Usage(pictures=Pictures(count=1, pixels=1_500_000))) == nano(0.045)


@pytest.mark.parametrize(
    ("lines", "seconds", "sound", "expected"),
    [
        (720, 5, False, 0.42),
        (720, 5, True, 0.63),
        (1080, 2.5, False, 0.28),
        (1080, 5, True, 0.84),
        (2160, 1, True, 0.42),
    ],
)
def test_clips_cost_by_the_second(lines, seconds, sound, expected):
    assert clip(VEO, lines, seconds, sound) == nano(expected)


def test_clips_may_cost_by_the_piece():
    assert clip(RAY, 540, 5) == nano(0.15)
    assert clip(RAY, 540, 5.5) == nano(0.45)
    assert clip(RAY, 1080, 5) == nano(1.2)
    assert clip(RAY, 1080, 10) == nano(1.2), "no rate fits: the dearest that there is"


def test_every_request_may_cost_besides_and_at_least():
    price = Price(tokens=TokenRates(input=1), request=0.01, least=0.02, **READ)
    assert chat(price, input=1) == nano(0.02)
    assert chat(price, input=1_000_000) == nano(1.01)


def test_nothing_costs_more_than_an_amount_can_be():
    assert chat(OPUS, input=2**60) == MOST == most(OPUS, Wanted(output_tokens=2**60))


def test_before_a_call_its_bytes_are_its_tokens_and_all_are_dear():
    assert most(OPUS, Wanted(text_bytes=1_000, output_tokens=100, n=3)) == 1_000 * 5_000 + 300 * 20_000


def test_before_a_call_the_context_is_the_most_that_is_read():
    wanted = Wanted(text_bytes=900, pictures_read=1)
    assert most(OPUS, wanted) == (900 + TOKENS_PER_PICTURE) * 5_000
    assert most(OPUS, msgspec.structs.replace(wanted, context_tokens=1_000)) == 1_000 * 5_000


def test_before_a_call_a_tier_that_may_be_reached_counts_also_if_it_is_cheaper():
    assert most(SOL, Wanted(text_bytes=300_000)) == 300_000 * 4_000
    cheaper = Price(
        tokens=TokenRates(input=2), tiers=(ContextTier(above=10, rates=TokenRates(input=1)),), **READ
    )  # fmt: skip
    assert most(cheaper, Wanted(text_bytes=20)) == 20 * 2_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"tokens": {"input": -1}}, {"tokens": {"input": "2"}}, {"tokens": {"in": 2}}, {"tokens": {"output": 2}},
        {"images": [{"usd": 0.1, "per": "pixel"}]}, {"clips": [{"usd": 0.1, "up_to_lines": 0}]},
        {"request": 100_001}, {"as_of": "23 Nov"}, {"source": None}, {"unit": "token"},
    ],
)  # fmt: skip
def test_a_price_is_strict(wrong):
    msgspec.convert(READ | {"tokens": {"input": 2}}, Price)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(READ | wrong, Price)


def test_a_price_says_when_and_where_it_was_read():
    for missing in READ:
        with pytest.raises(msgspec.ValidationError, match=missing):
            msgspec.convert({key: value for key, value in READ.items() if key != missing}, Price)
