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
    auth = provider.auth
    if auth is None or auth.optional:
        return True
    needed = (auth.secret, *(() if auth.client is None else (auth.client,)), *provider.given.values())
    return all(secrets(name) is not None for name in needed)


def key_headers(provider: Provider, secrets: Secrets) -> dict[str, str]:
    """The header with the key; none where none is set."""
    auth = provider.auth
    key = None if auth is None else secrets(auth.secret)
    return {} if auth is None or key is None else {auth.header: auth.format.replace("{key}", key)}
