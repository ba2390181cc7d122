"""What a profile may say about a model that a provider serves: typed fields, never a URL, never a key."""

from typing import Annotated

from msgspec import Meta, Struct

ProviderId = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
ModelId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}$")]
Date = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Count = Annotated[int, Meta(ge=1)]


class CloudArgs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="cloud"):
    """Engine section of a variant that a provider serves, whose file is ``providers/PROVIDER.yaml``.

    ``model`` is its name there. ``context_tokens`` are of one request, ``output_tokens`` the most of its answer.
    ``images``: it reads pictures. ``ends_on``: the day that the provider has announced. ``as_of``, ``source``: when and
    where all this was read.
    """

    provider: ProviderId
    model: ModelId
    context_tokens: Count | None = None
    output_tokens: Count | None = None
    images: bool = False
    ends_on: Date | None = None
    as_of: Date
    source: str
    experimental: bool = False

    @property
    def slots(self) -> int:
        """The provider's own limit is counted over all its models."""
        return 1

    @property
    def request_tokens(self) -> int | None:
        """What one request may have, answer included."""
        return self.context_tokens
