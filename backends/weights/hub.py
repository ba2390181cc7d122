# pyright: basic
# huggingface_hub leaves parts of its signatures untyped.
"""Weights of the Hugging Face hub, by its own library: resumed when cut, verified by the hub's digest."""

from collections.abc import Callable
from pathlib import Path

from backends.errors import BackendError, Cause
from backends.weights.source import Hub, WeightFile


def fetch_from_hub(source: Hub, file: WeightFile, path: Path, progress: Callable[[str, int, int], None]) -> str:
    """Downloads to ``path`` and returns the commit it came from. The library draws its own bar and resumes."""
    from httpx2 import TransportError  # what the library lets through when nobody answers
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    folder = path
    for _ in Path(file.path).parts:
        folder = folder.parent
    try:
        url = hf_hub_url(source.repository, file.path, revision=source.revision)
        metadata = get_hf_file_metadata(url)
        hf_hub_download(source.repository, file.path, revision=source.revision, local_dir=folder)
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", 0)
        why = {401: "it needs a token", 403: "its licence has to be accepted", 404: "it does not exist"}.get(status)
        raise BackendError(
            Cause.LOAD_FAILED, f"{source.repository}/{file.path}: {why or 'the hub refused'}", private=str(error)
        ) from None
    except (LocalEntryNotFoundError, TransportError, OSError) as error:
        raise BackendError(Cause.LOAD_FAILED, f"{source.repository} cannot be reached", private=str(error)) from None
    progress(path.name, file.bytes, file.bytes)
    _verify_etag(path, metadata.etag)
    return metadata.commit_hash or ""


def _verify_etag(path: Path, etag: str | None) -> None:
    """Large files carry their SHA-256 as etag; small ones a git digest, which says nothing here."""
    from backends.weights.store import digest_of

    if etag is None or len(etag) != 64:
        return
    digest = digest_of(path)
    if digest != etag:
        path.unlink()
        raise BackendError(Cause.LOAD_FAILED, f"{path.name} has sha256 {digest}, the hub says {etag}")
