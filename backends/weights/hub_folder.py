# pyright: basic
# huggingface_hub leaves parts of its signatures untyped.
"""What a repository of the hub holds at a revision: names, sizes and digests of the files that are wanted."""

import os

from msgspec import Struct

from backends.errors import BackendError, Cause
from backends.weights.folder import Patterns, wanted
from backends.weights.hub import REFUSALS
from backends.weights.source import Hub


class Listed(Struct, frozen=True):
    """A file of the repository; only large ones have a digest of their content."""

    path: str
    bytes: int
    sha256: str | None = None


def list_folder(source: Hub, patterns: Patterns) -> tuple[str, list[Listed]]:
    """The commit, and the files that match. Raises ``BackendError(LOAD_FAILED)``."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from httpx2 import TransportError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        info = HfApi().model_info(source.repository, revision=source.revision, files_metadata=True)
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", 0)
        why = REFUSALS.get(status, f"the hub answered {status}")
        raise BackendError(Cause.LOAD_FAILED, f"{source.repository}: {why}", private=str(error)) from None
    except (TransportError, OSError) as error:
        raise BackendError(Cause.LOAD_FAILED, f"{source.repository} cannot be reached", private=str(error)) from None
    listed = {each.rfilename: each for each in info.siblings or []}
    files = [_listed(listed[path]) for path in wanted(listed, patterns)]
    if not files:
        raise BackendError(Cause.LOAD_FAILED, f"{source.repository} has no file that is wanted")
    return info.sha or source.revision, files


def _listed(sibling) -> Listed:
    digest = sibling.lfs.sha256 if sibling.lfs is not None else None
    return Listed(sibling.rfilename, sibling.size or 0, digest)
