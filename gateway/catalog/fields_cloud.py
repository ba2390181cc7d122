"""What the fields about the cloud mean, in one sentence each: of a profile, and of the files of ``providers/``."""

from msgspec import Struct

from backends.cloud.offer import Offer
from backends.cloud.price import ClipRate, ContextTier, ImageRate, Price, TokenRates
from gateway.catalog.profile import Spill

CLOUD_FIELDS: dict[type[Struct], dict[str, str]] = {
    Offer: {
        "provider": "Name of a file in `providers/`, without `.yaml`.",
        "model": "What the provider calls the model.",
        "tasks": "Which of the profile's tasks it serves; empty means all.",
        "context_tokens": "Context of one request, answer included.",
        "output_tokens": "Most tokens of one answer.",
        "images": "Whether it reads pictures.",
        "state": "Whether the provider has announced its end, or it has come.",
        "ends_on": "The day that the provider has announced; from then on nothing is sent there.",
        "as_of": "The day on which all this was read.",
        "source": "Where it was read.",
        "experimental": "Nobody here has seen it work.",
        "thinking": "How a model behind Anthropic's API is asked to think.",
        "samples": "Whether it takes temperature, top_p and top_k.",
        "late_system": "Whether it takes system messages within a conversation.",
        "caches": "Whether the provider shall keep what it has read for the next turn, which costs a little more.",
        "price": "What it costs; needed unless the provider is this machine.",
    },
    Price: {
        "tokens": "Per million tokens.",
        "tiers": "Other rates for requests with a long input.",
        "images": "Per picture; the first rate that fits counts.",
        "clips": "Per second or clip; the first rate that fits counts.",
        "request": "US dollars for each request besides.",
        "least": "The least that a request costs, in US dollars.",
        "as_of": "The day on which it was read.",
        "source": "Where it was read.",
    },
    TokenRates: {
        "input": "US dollars for a million tokens of input.",
        "output": "US dollars for a million tokens of output.",
        "cached_input": "Of the input, what is read from the provider's cache; absent means as the rest.",
        "cache_write": "Of the input, what is put into that cache; absent means as the rest.",
        "reasoning": "Of the output, thoughts; absent means as the rest.",
    },
    ContextTier: {
        "above": "Input with more tokens than this pays these rates, all of it.",
        "rates": "The rates.",
    },
    ImageRate: {
        "usd": "US dollars.",
        "per": "A picture, or a million pixels.",
        "up_to_pixels": "For pictures of up to so many pixels; absent means any.",
        "quality": "For pictures of this quality; absent means any.",
    },
    ClipRate: {
        "usd": "US dollars.",
        "per": "A second, or a clip.",
        "up_to_lines": "For clips whose shorter side has up to so many pixels; absent means any.",
        "up_to_seconds": "For clips of up to so many seconds; absent means any.",
        "sound": "For clips with or without sound; absent means both.",
    },
    Spill: {
        "when": "Causes after which the providers of `cloud` are tried.",
        "wait_seconds": "Expected wait beyond which they are tried at once; absent means never for waiting alone.",
    },
}
