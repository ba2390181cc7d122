"""The providers that Forebay brings, as their files say them, moved to a fake on loopback: paths and headers stay."""

from pathlib import Path
from typing import Any

from msgspec import structs
from yarl import URL

from backends.cloud.client import CloudClient
from backends.cloud.media.adapter import MediaProvider
from backends.cloud.media.downloads import Downloads
from backends.cloud.media.vendor import Pace
from backends.cloud.provider import Auth, Provider
from gateway.catalog.providers import parse_provider
from tests.fakes.cloud import FakeCloud
from tests.tree import ROOT

FOLDER = ROOT / "model_profiles" / "providers"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
SECRETS = {"GOOGLE_CLOUD_PROJECT": "proj"}


def provider_named(name: str) -> Provider:
    """As the catalog has it."""
    path = Path(FOLDER / f"{name}.yaml")
    provider, problems = parse_provider(str(path), path.read_bytes())
    assert provider is not None, problems
    return provider


def moved(provider: Provider, cloud: FakeCloud) -> Provider:
    """Every address of it is the fake's; a token of Google's library becomes a plain key, for want of an account."""
    media = structs.replace(
        provider.media, base_url=_here(provider.media.base_url, cloud), auth=_auth(provider.media.auth, cloud)
    )
    auth = _auth(provider.auth, cloud)
    return structs.replace(provider, base_url=_here(provider.base_url, cloud), auth=auth, media=media)


def backend_of(provider: Provider, model: str, cloud: FakeCloud, client: CloudClient, pace: Pace) -> MediaProvider:
    """Its adapter, at the fake."""
    return MediaProvider(moved(provider, cloud), model, client, Downloads(), pace)


def secret(name: str) -> str | None:
    """Every key is ``k``."""
    return SECRETS.get(name, "k")


def _here(url: str | None, cloud: FakeCloud) -> Any:
    return None if url is None else str(URL(url).with_scheme("http").with_host("127.0.0.1").with_port(cloud.port))


def _auth(auth: Auth | None, cloud: FakeCloud) -> Auth | None:
    if auth is None:
        return None
    kind = "key" if auth.kind == "google_adc" else auth.kind
    return structs.replace(auth, kind=kind, token_url=_here(auth.token_url, cloud))
