"""Whatever a call turns out to use within what was asked for, it costs no more than was estimated before it."""

from hypothesis import given
from hypothesis import strategies as st

from backends.cloud.price import ClipRate, ContextTier, ImageRate, Price, TokenRates
from gateway.spending.budget import Budget, Spent, left, refusal
from gateway.spending.cost import Clips, Pictures, Tokens, Usage, Wanted, cost, most

usd = st.one_of(st.just(0.0), st.floats(0, 200).map(lambda x: round(x, 4)))
some_usd = st.none() | usd
rates = st.builds(
    TokenRates, input=usd, output=usd, cached_input=some_usd, cache_write=some_usd, reasoning=some_usd
)  # fmt: skip
count = st.integers(1, 400)
prices = st.builds(
    Price,
    tokens=st.none() | rates,
    tiers=st.lists(st.builds(ContextTier, above=count, rates=rates), max_size=3).map(tuple),
    images=st.lists(
        st.builds(
            ImageRate,
            usd=usd,
            per=st.sampled_from(("image", "megapixel")),
            up_to_pixels=st.none() | count,
            quality=st.none() | st.just("high"),
        ),
        max_size=3,
    ).map(tuple),
    clips=st.lists(
        st.builds(
            ClipRate,
            usd=usd,
            per=st.sampled_from(("second", "clip")),
            up_to_lines=st.none() | count,
            up_to_seconds=st.none() | count,
            sound=st.none() | st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    request=usd,
    least=usd,
    as_of=st.just("2026-11-23"),
    source=st.just("s"),
)
pictures = st.none() | st.builds(
    Pictures, count=st.integers(1, 4), pixels=count, quality=st.sampled_from((None, "high"))
)
clips = st.none() | st.builds(Clips, lines=count, milliseconds=st.integers(1, 400_000), sound=st.booleans())


@st.composite
def calls(draw: st.DrawFn) -> tuple[Wanted, Usage]:
    """What was asked for, and what came of it within that."""
    text, output, n = draw(st.integers(0, 500)), draw(st.integers(0, 200)), draw(st.integers(1, 3))
    context = draw(st.none() | st.integers(0, 500))
    read = draw(st.integers(0, text if context is None else min(text, context)))
    cached = draw(st.integers(0, read))
    written = draw(st.integers(0, n * output))
    tokens = Tokens(
        input=read, cached=cached, cache_write=draw(st.integers(0, read - cached)), output=written,
        reasoning=draw(st.integers(0, written)),
    )  # fmt: skip
    made, filmed = draw(pictures), draw(clips)
    wanted = Wanted(
        text_bytes=text, context_tokens=context, output_tokens=output, n=n, pictures=made, clips=filmed
    )  # fmt: skip
    return wanted, Usage(tokens=tokens, pictures=made, clips=filmed)


@given(prices, calls())
def test_a_call_costs_no_more_than_its_estimate(price, call):
    wanted, usage = call
    assert 0 <= cost(price, usage) <= most(price, wanted)


amounts = st.integers(0, 300)
budgets = st.builds(Budget, day=st.none() | amounts, month=st.none() | amounts, request=st.none() | amounts)
spent = st.builds(Spent, key_day=amounts, key_month=amounts, gateway_day=amounts, gateway_month=amounts)


@given(amounts, budgets, budgets, spent)
def test_what_is_left_is_what_may_be_spent(estimate, key, gateway, so_far):
    room = left(key, gateway, so_far)
    refused = refusal(estimate, key, gateway, so_far)
    if room is None:
        assert refused is None
    elif estimate > 0:
        assert (refused is None) == (estimate <= room)
        assert refused is None or refused.left == room
