"""Who can reach the address in the settings, and whether that is safe. Looks; binds nothing."""

import ipaddress
from datetime import UTC, datetime
from pathlib import Path

from gateway.database import open_database
from gateway.keys.key import Key
from gateway.keys.store import KeyStore
from gateway.settings import Settings


def refusal(settings: Settings) -> str | None:
    """Why the gateway refuses to listen there. A public address needs an explicit yes and a key: open inference
    servers get found within hours.
    """
    if is_loopback(settings.host):
        return None
    if not settings.allow_remote:
        return f"refusing to listen on {settings.host}: set FOREBAY_ALLOW_REMOTE=1 to mean it"
    if settings.presented_key() is None and not any(key.revoked_at is None for key in stored_keys(settings)):
        return (
            f"refusing to listen on {settings.host} without a key: run `forebay keys create NAME` "
            "or set FOREBAY_API_KEY_FILE"
        )
    return None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches ``host``. A name other than localhost counts as public."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def stored_keys(settings: Settings) -> list[Key]:
    """The keys of the state database, revoked ones too. Raises ``BackendError(STORAGE)``."""
    where = settings.shared_database
    if isinstance(where, Path) and not where.exists():
        return []
    database = open_database(where)
    try:
        return list(KeyStore(database, lambda: datetime.now(UTC)).all())
    finally:
        database.dispose()
