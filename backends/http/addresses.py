"""Which addresses are whose: public ones, in their plain form, that a request may make us reach; ours. Pure."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

_TRANSLATED = tuple(
    IPv6Network(each)
    for each in (
        "::/96",  # IPv4-compatible, and ::1
        "::ffff:0:0/96",  # IPv4-mapped
        "::ffff:0:0:0/96",  # IPv4-translated
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64 of a network's own
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "fec0::/10",  # site-local, of old
    )
)
"""IPv6 that leads to an IPv4 address, whichever that is: nobody serves pictures there."""
_OLD_RELAY = IPv4Address("192.88.99.0")


def is_public(address: str) -> bool:
    """Whether anybody on the internet could reach the same host by it. ``address`` as a resolver gives it.

    Source: the IANA special-purpose registries, as ``ipaddress`` has them, and what they leave out.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return False  # with a zone, or no address at all
    if isinstance(found, IPv6Address):
        if found.scope_id is not None or any(found in network for network in _TRANSLATED):
            return False
    elif int(found) >> 8 == int(_OLD_RELAY) >> 8:
        return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def is_loopback(host: str) -> bool:
    """Whether it is this machine, by its address or its usual name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def host_of(url: str) -> str:
    """The host in a URL; empty for what is no URL."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
