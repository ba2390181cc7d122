"""What an agent has to know of a model: its name, where it is served, how much fits. Pure."""

from urllib.parse import urlsplit

from msgspec import Struct, structs

from backends.contract import Task
from backends.errors import BackendError, Cause
from gateway.catalog.listing import ModelListing, served_context

MOST_OUTPUT = 32_000
"""What Claude Code and opencode ask for by themselves for a model they do not know."""
SHARE = 8
"""An eighth of the window for an answer: agents keep that much free, and their own prompts are large."""


class Served(Struct, frozen=True, kw_only=True):
    """``address`` has no path. Tokens: ``context`` for a request with its answer, ``output`` of the answer at most."""

    model: str
    address: str
    context: int
    output: int

    @property
    def host(self) -> str:
        """Of the address, as lists of hosts name it."""
        return urlsplit(self.address).hostname or ""


def served(name: str, listing: ModelListing, address: str) -> Served:
    """The model that answers for ``name``, with the figures of its variant if one is named.

    Raises ``BackendError(INVALID_REQUEST)`` for one that no agent can work with.
    """
    if Task.CHAT not in listing.tasks:
        able = ", ".join(task.value for task in listing.tasks)
        raise BackendError(Cause.INVALID_REQUEST, f"{listing.id} does not chat: it serves {able}")
    if not listing.served:
        raise BackendError(
            Cause.INVALID_REQUEST, f"{listing.id} is not served: {listing.why_not or 'it has no variant'}"
        )
    context = served_context(_as_named(name, listing))
    if context is None:
        raise BackendError(
            Cause.INVALID_REQUEST, f"nobody knows the context of {listing.id}: write context_tokens into its profile"
        )
    most = listing.max_output_tokens or MOST_OUTPUT
    return Served(model=name, address=address, context=context, output=min(most, MOST_OUTPUT, context // SHARE))


def _as_named(name: str, listing: ModelListing) -> ModelListing:
    variant = name.rpartition(":")[2]
    named = tuple(each for each in listing.variants if each.name == variant and ":" in name)
    return structs.replace(listing, variants=named or listing.variants)
