"""What the fields about the cloud mean, in one sentence each: of a profile, and of the files of ``providers/``."""

from msgspec import Struct

from backends.cloud.offer import Offer
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
        "ends_on": "The day that the provider has announced.",
        "as_of": "The day on which all this was read.",
        "source": "Where it was read.",
        "experimental": "Nobody here has seen it work.",
        "thinking": "How a model behind Anthropic's API is asked to think.",
        "samples": "Whether it takes temperature, top_p and top_k.",
        "late_system": "Whether it takes system messages within a conversation.",
        "caches": "Whether the provider shall keep what it has read for the next turn, which costs a little more.",
    },
    Spill: {
        "when": "Causes after which the providers of `cloud` are tried.",
        "wait_seconds": "Expected wait beyond which they are tried at once; absent means never for waiting alone.",
    },
}
