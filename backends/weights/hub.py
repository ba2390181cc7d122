# pyright: basic
# huggingface_hub leaves parts of its signatures untyped.
"""Weights of the Hugging Face hub: resumed where an earlier pull was cut or killed, verified before they are in place.

The library's own download throws a partial file away when it ends, so only its steps are used here: it makes the
URL, asks for the metadata, and fetches bytes from an offset (with its retries). Files past its limit for plain HTTP
are the exception: those it fetches itself, from the beginning.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from backends.errors import BackendError, Cause
from backends.weights.source import Hub, WeightFile

Progress = Callable[[str, int, int], None]
REFUSALS = {
    401: "it does not exist, or needs a token (HF_TOKEN)",
    403: "its licence has to be accepted, with a token (HF_TOKEN) of who did",
    404: "it does not exist",
}


def fetch_from_hub(source: Hub, file: WeightFile, path: Path, progress: Progress) -> str:
    """Downloads to ``path`` and returns the commit it came from. What is cut stays beside it, for the next call."""
    # Read when the library is imported: unless the operator wants it, nobody is told who pulls with what.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from httpx2 import TransportError  # what the library lets through when nobody answers
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    try:
        url = hf_hub_url(source.repository, file.path, revision=source.revision)
        metadata = get_hf_file_metadata(url)
        commit = metadata.commit_hash or source.revision
        partial = _partial(path, metadata.etag or commit)
        _fetch(Hub(source.repository, commit), file, partial, metadata.size, _bar(path.name, file, progress))
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", 0)
        why = REFUSALS.get(status, f"the hub answered {status}")
        raise BackendError(Cause.LOAD_FAILED, f"{source.repository}/{file.path}: {why}", private=str(error)) from None
    except (TransportError, OSError, RuntimeError) as error:  # the last is what xet says of a network that failed
        raise _broken(error, source, path) from None
    if file.sha256 is None:
        _verify_etag(partial, path.name, metadata.etag)
    partial.replace(path)
    progress(path.name, file.bytes, file.bytes)
    return metadata.commit_hash or ""


def partial_bytes(path: Path) -> int:
    """How much of the file for ``path`` earlier pulls have left."""
    return sum(part.stat().st_size for part in _partials(path))


def _fetch(source: Hub, file: WeightFile, partial: Path, size: int | None, bar: type) -> None:
    from huggingface_hub import constants, hf_hub_download, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    if (size or 0) > constants.MAX_HTTP_DOWNLOAD_SIZE:
        folder = partial.with_suffix(".folder")
        where = {"revision": source.revision, "local_dir": folder}
        try:
            Path(hf_hub_download(source.repository, file.path, **where, tqdm_class=bar)).replace(partial)
        except ValueError as error:
            words = f"{file.path} is too large for plain HTTP, and hf_xet is not installed"
            raise BackendError(Cause.LOAD_FAILED, words, private=str(error)) from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    partial.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("ab") as out:
        if size is not None and out.tell() > size:
            out.truncate(0)
            out.seek(0)
        url = hf_hub_url(source.repository, file.path, revision=source.revision)
        http_get(url, out, resume_size=out.tell(), headers=build_hf_headers(), expected_size=size, tqdm_class=bar)


def _partial(path: Path, etag: str) -> Path:
    """Where bytes of that version gather. Those of other versions are of no use any more."""
    version = hashlib.sha256(etag.encode()).hexdigest()[:16]  # an etag may hold anything
    partial = path.with_name(f".{path.name}.{version}.partial")
    for other in _partials(path):
        if other != partial:
            other.unlink()
    return partial


def _partials(path: Path) -> list[Path]:
    if not path.parent.is_dir():
        return []
    return [p for p in path.parent.iterdir() if p.name.startswith(f".{path.name}.") and p.suffix == ".partial"]


def _broken(error: Exception, source: Hub, path: Path) -> BackendError:
    if isinstance(error, OSError) and error.errno is not None:
        return BackendError(Cause.STORAGE, f"{path} cannot be written: {error.strerror}", private=str(error))
    if have := partial_bytes(path):
        words = f"{path.name} broke off after {have / 1e6:.1f} MB; pull again to go on from there"
    else:
        words = f"{source.repository} cannot be reached"
    return BackendError(Cause.LOAD_FAILED, words, private=str(error))


def _verify_etag(partial: Path, name: str, etag: str | None) -> None:
    """Large files carry their SHA-256 as etag; small ones a git digest, which says nothing here."""
    from backends.weights.store import digest_of

    if etag is None or len(etag) != 64:
        return
    digest = digest_of(partial)
    if digest != etag:
        partial.unlink()
        raise BackendError(Cause.LOAD_FAILED, f"{name} has sha256 {digest}, the hub says {etag}")


def _bar(name: str, file: WeightFile, progress: Progress) -> type:
    """What the library takes for a tqdm class; it tells ``progress`` and draws nothing."""

    class Bar:
        def __init__(self, *, total: int | None = None, initial: int = 0, **_: object) -> None:
            self.total = total or file.bytes
            self.n = initial

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing is open."""

        def update(self, count: int) -> None:
            self.n += count
            progress(name, self.n, self.total)

        def update_transfer(self, count: int) -> None:
            """Bytes off the network that are not in the file yet: not counted twice."""

        def set_postfix_str(self, *_: object, **__: object) -> None:
            """The speed is worked out by whoever draws."""

        set_transfer_postfix_str = set_postfix_str

        def close(self) -> None:
            """Nothing is open."""

    return Bar
