"""Sends a form from a file through the reading and checking of uploads, and says what that cost. Run by its test.

A process of its own: what it has held at most is the form's cost, and the test that made the picture is elsewhere.
"""

import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from backends.errors import BackendError
from gateway.http.multipart import FormLimits
from gateway.http.picture_input import PictureLimits
from gateway.http.uploads import Uploads
from tests.fakes import picture_files as files

BOUNDARY = b"boundary"
BLOCK = 64 * 1024


async def told(uploads: Uploads, path: Path, *, declared: bool) -> dict[str, object]:
    """What a client would be told about the form in ``path``."""
    headers = [(b"content-type", b"multipart/form-data; boundary=" + BOUNDARY)]
    if declared:
        headers.append((b"content-length", b"%d" % path.stat().st_size))
    with path.open("rb") as file, uploads.folder() as folder:

        async def receive():
            data = file.read(BLOCK)
            return {"type": "http.request", "body": data, "more_body": bool(data)}

        try:
            read = await uploads.form({"type": "http", "headers": headers}, receive, Path(folder))
            await uploads.of_form(read.files, Path(folder))
        except BackendError as error:
            return {"cause": error.cause.value, "param": error.param, "detail": error.detail}
        return {"cause": None, "param": None, "detail": ""}


def form(*pictures: tuple[str, bytes]) -> bytes:
    """A form with these files."""
    head = b'--%s\r\nContent-Disposition: form-data; name="%s"; filename="a"\r\n\r\n'
    parts = [head % (BOUNDARY, name.encode()) + data + b"\r\n" for name, data in pictures]
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


def held() -> int:
    """The most this process has held, in bytes."""
    try:
        status = Path("/proc/self/status").read_text()
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # On Linux, the figure of getrusage begins with what the parent held when it started this process.
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def main(path: Path, *, declared: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        uploads = Uploads(Path(scratch) / "uploads", FormLimits(), PictureLimits())
        uploads.prepare()
        for kind in ("PNG", "JPEG", "WEBP"):  # what any first picture needs is not this one's cost
            small = Path(scratch) / kind
            small.write_bytes(form(("image", files.picture(kind, (64, 64))), ("mask", files.picture(size=(64, 64)))))
            assert asyncio.run(told(uploads, small, declared=True))["cause"] is None
        before, began = held(), time.process_time()
        answer = asyncio.run(told(uploads, path, declared=declared))
        cost = {"seconds": time.process_time() - began, "more": held() - before}
        uploads.close()
        print(json.dumps(answer | cost))


if __name__ == "__main__":
    main(Path(sys.argv[1]), declared=sys.argv[2] == "declared")
