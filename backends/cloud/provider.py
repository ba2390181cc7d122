"""The shape of a provider: one company or one server of others, one YAML file in ``model_profiles/providers/``.

Frozen and strict. Holds no secret: it names where the key is. Shapes only.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from backends.cloud.media.operation import Operation
from backends.cloud.scalars import Date, ProviderId

Header = Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")]
SecretName = Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]{1,63}$")]
Field = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Host = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{1,252}$")]
Kind = Literal["openai", "anthropic", "http", "unavailable"]
Dialect = Literal["anthropic"]


class _Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that is read from a file."""


class Auth(_Strict, frozen=True, kw_only=True):
    """The header that carries the key. ``secret`` names the environment variable, or the file of that name in the
    folder of secrets; ``format`` holds ``{key}`` once. ``optional``: a server of one's own may want none.

    With another ``kind`` the key is a token that is fetched: of ``token_url``, for the client whose name is the secret
    ``client`` and goes along in ``client_header``; or by Google's library, with the credentials in the file that
    ``secret`` names.
    """

    secret: SecretName
    header: Header = "Authorization"
    format: str = "Bearer {key}"
    optional: bool = False
    kind: Literal["key", "oauth_client_credentials", "google_adc"] = "key"
    client: SecretName | None = None
    client_header: Header | None = None
    token_url: str | None = None
    scopes: tuple[str, ...] = ()


class Privacy(_Strict, frozen=True, kw_only=True):
    """What becomes of a prompt, as its terms said on ``as_of``. ``None``: they do not say."""

    country: str
    trains: Literal["no", "yes", "opt_out", "unknown"] = "unknown"
    retention_days: int | None = None
    as_of: Date
    source: str


class Quirks(_Strict, frozen=True, kw_only=True):
    """Where a server that speaks OpenAI differs: fields of a chat that it refuses, or knows by another name.

    ``stream_usage``: whether it must be asked for the usage of a stream, tells it unasked, or refuses to be asked.
    """

    drop: tuple[Field, ...] = ()
    rename: dict[Field, Field] = {}
    stream_usage: Literal["ask", "unasked", "never"] = "ask"


class Media(_Strict, frozen=True, kw_only=True):
    """Where pictures and clips are made, when that is not where texts are: another base of paths, another header."""

    base_url: str | None = None
    auth: Auth | None = None


class Provider(_Strict, frozen=True, kw_only=True):
    """``base_url`` ends before the paths of its API (``…/v1``). Its key goes to that host and to no other but
    ``trust_hosts``. ``concurrent``: requests at once. ``local``: a server of one's own, which spends nothing and sends
    nothing away; its address says whether that is true. ``operations``: how it makes pictures and clips, whatever its
    kind is for texts, at ``media`` where that is another place. ``given``: further names in those paths, and the
    variables that say what they are.
    """

    id: ProviderId
    name: str
    kind: Kind
    base_url: str | None = None
    auth: Auth | None = None
    headers: dict[Header, str] = {}
    trust_hosts: tuple[Host, ...] = ()
    privacy: Privacy | None = None
    concurrent: Annotated[int, Meta(ge=1)] = 16
    dialects: tuple[Dialect, ...] = ()
    quirks: Quirks = Quirks()
    why_not: str | None = None
    media: Media = Media()
    operations: tuple[Operation, ...] = ()
    given: dict[Field, SecretName] = {}

    def for_media(self) -> "Provider":
        """The same as its pictures and clips see it."""
        base_url, auth = self.media.base_url or self.base_url, self.media.auth or self.auth
        return structs.replace(self, base_url=base_url, auth=auth)
