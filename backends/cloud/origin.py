"""Which addresses are a provider's: where requests go, and where its key may go. Pure."""

from yarl import URL

from backends.cloud.provider import Provider
from backends.errors import BackendError, Cause
from backends.http.addresses import is_loopback


def endpoint(provider: Provider, path: str) -> URL:
    """The URL of ``path`` at ``provider``. Raises ``BackendError(UPSTREAM_CONNECT)`` for one that no key may go to."""
    base = URL(provider.base_url or "")
    if base.scheme != "https" and not (base.scheme == "http" and is_loopback(base.host or "")):
        raise BackendError(Cause.UPSTREAM_CONNECT, f"the address of {provider.name} is not https")
    return URL(f"{str(base).rstrip('/')}{path}", encoded=True)


def is_own(provider: Provider, url: URL) -> bool:
    """The same scheme, host and port as its API."""
    base = URL(provider.base_url or "")
    return bool(base.host) and (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)


def is_trusted(provider: Provider, url: URL) -> bool:
    """Whether its key may go there: its own address; over https also the hosts that its file names, and below them."""
    if url.user is not None or url.password is not None:
        return False
    if is_own(provider, url):
        return True
    host = (url.host or "").lower()
    return (
        url.scheme == "https"
        and url.is_default_port()
        and any(host == each or host.endswith(f".{each}") for each in provider.trust_hosts)
    )
