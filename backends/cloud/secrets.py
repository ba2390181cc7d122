"""Where keys of providers come from: a file of the secret's name, else the environment. Never logged, never told."""

from collections.abc import Callable, Mapping
from pathlib import Path

from backends.cloud.provider import Provider

Secrets = Callable[[str], str | None]


def secrets_of(folder: Path | None, environment: Mapping[str, str]) -> Secrets:
    """Looks a name up in ``folder`` (as Docker and Kubernetes mount secrets) first. Read anew at each call, so that a
    changed key needs no restart; an empty one is none.
    """

    def find(name: str) -> str | None:
        if folder is not None:
            try:
                return (folder / name).read_text(encoding="utf-8").strip() or None
            except (OSError, UnicodeDecodeError):
                pass
        return environment.get(name, "").strip() or None

    return find


def has_key(provider: Provider, secrets: Secrets) -> bool:
    """Whether it could be asked: without a key its models are absent, not an error later."""
    if provider.auth is None or provider.auth.optional:
        return True
    return all(secrets(name) is not None for name in secret_names(provider))


def secret_names(provider: Provider) -> tuple[str, ...]:
    """What it wants: its key, its client's name, further names of its own."""
    auth = provider.auth
    own = () if auth is None else (auth.secret,) if auth.client is None else (auth.secret, auth.client)
    return (*own, *provider.given.values())


def key_headers(provider: Provider, secrets: Secrets) -> dict[str, str]:
    """The header with the key; none where none is set."""
    auth = provider.auth
    key = None if auth is None else secrets(auth.secret)
    return {} if auth is None or key is None else {auth.header: auth.format.replace("{key}", key)}
