"""Whether a provider is this machine itself, by its address: nothing leaves then, and nothing is paid for. Pure."""

from functools import lru_cache

from backends.cloud.provider import Provider
from backends.http.addresses import host_of, is_loopback


def is_neighbour(provider: Provider) -> bool:
    """A server of one's own on loopback."""
    return provider.base_url is not None and _is_here(provider.base_url)


@lru_cache(1024)  # providers are few, and each call over the spillway asks several times
def _is_here(url: str) -> bool:
    return is_loopback(host_of(url))
