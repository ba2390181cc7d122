"""Whether a provider is this machine itself, by its address: nothing leaves then, and nothing is paid for. Pure."""

from backends.cloud.provider import Provider
from backends.http.addresses import host_of, is_loopback


def is_neighbour(provider: Provider) -> bool:
    """A server of one's own on loopback."""
    return provider.base_url is not None and is_loopback(host_of(provider.base_url))
