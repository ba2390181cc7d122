"""The name of this gateway, the same after every restart, so that it knows the jobs that its earlier runs left."""

import re
import secrets
from pathlib import Path

from backends.errors import BackendError, Cause

_NAME = re.compile(r"[0-9a-f]{32}")


def gateway_name(path: Path) -> str:
    """What ``path`` says, made at the first call. Raises ``BackendError(STORAGE)``."""
    try:
        if not path.exists():
            partial = path.with_suffix(".new")
            partial.write_text(secrets.token_hex(16), "ascii")
            partial.replace(path)
        name = path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise BackendError(Cause.STORAGE, "the name of this gateway cannot be read", private=str(error)) from None
    if not _NAME.fullmatch(name):
        raise BackendError(Cause.STORAGE, "the name of this gateway is damaged: remove the file gateway.name")
    return name
