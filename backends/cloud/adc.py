"""Tokens of Google's application-default credentials, by google-auth: an extra that most do without.

Its calls wait for the network, so they have a thread of their own. Nothing is kept here.
"""

import asyncio
import importlib
from datetime import UTC, datetime
from typing import Any

from backends.errors import BackendError, Cause

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


async def token(name: str, file: str, scopes: tuple[str, ...]) -> tuple[str, float]:
    """A token of the credentials in ``file`` and the seconds that it lives.

    Raises ``BackendError(PROVIDER_ACCOUNT)``: without the library, for a file that is none, for a refused account.
    """
    try:
        library: Any = importlib.import_module("google.auth")
        transport: Any = importlib.import_module("google.auth.transport.requests")
        errors: Any = importlib.import_module("google.auth.exceptions")
    except ImportError:
        detail = f"{name} needs the extra named vertex: pip install 'forebay[vertex]'"
        raise BackendError(Cause.PROVIDER_ACCOUNT, detail) from None

    def fetched() -> tuple[str, float]:
        credentials, _ = library.load_credentials_from_file(file, scopes=list(scopes or _SCOPES))
        credentials.refresh(transport.Request())
        expiry: datetime = credentials.expiry.replace(tzinfo=UTC)
        return str(credentials.token), (expiry - datetime.now(UTC)).total_seconds()

    try:
        return await asyncio.to_thread(fetched)
    except (errors.GoogleAuthError, OSError, ValueError) as error:
        private = f"{type(error).__name__}: {error}"[:512]
        raise BackendError(Cause.PROVIDER_ACCOUNT, f"{name} gives no token for its key", private=private) from None
