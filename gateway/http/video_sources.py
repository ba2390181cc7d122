"""Which earlier video a remix or an extension begins with: named in the path, by its id, or sent again as its file.

Reads the request and looks the job up; makes none. A file is only hashed: what was not made here is not taken, so that
no worker ever decodes a movie of somebody else's.
"""

import asyncio
from pathlib import Path
from typing import TypeVar

from litestar import Request
from litestar.datastructures import State

from backends.errors import BackendError, Cause
from backends.weights.store import digest_of
from backends.wire.decode import decode
from backends.wire.openai_videos import ExtendRequest, RemixRequest
from gateway.http.body import read_body, require_json
from gateway.http.multipart import FormFile, is_form
from gateway.http.replies import exchange_of
from gateway.http.services import Services
from gateway.http.uploads import request_of
from gateway.http.videos_of import videos_of
from gateway.jobs.job import Job

T = TypeVar("T", RemixRequest, ExtendRequest)
_FILE = frozenset({"video"})


async def read_change(
    services: Services, request: Request[None, None, State], wanted: type[T], name: str | None = None
) -> tuple[T, Job]:
    """The request and the job it begins with; ``name`` is the path's, which goes before what the body says.

    Raises ``BackendError``: ``NOT_FOUND``, ``INVALID_REQUEST`` with the field, as reading a body.
    """
    desk, owner = videos_of(services).desk, exchange_of(request.scope).key_id
    if not is_form(request.scope):
        require_json(request.scope)
        asked = decode(await read_body(request.scope, request.receive, services.body_limits), wanted)
    else:
        with services.uploads.folder() as folder:
            fields = _FILE if name is None else frozenset[str]()
            form = await services.uploads.form(request.scope, request.receive, Path(folder), fields)
            asked = request_of(form, wanted)
            if name is None and form.files:
                digest = await asyncio.to_thread(digest_of, _only(form.files).path)
                return asked, await desk.made_as(owner, digest)
    if name is None:
        name = None if asked.video is None else asked.video.id
    if name is None:
        raise _unnamed()
    return asked, await desk.get(owner, name)


def _only(files: tuple[FormFile, ...]) -> FormFile:
    if len(files) != 1:
        raise _unnamed()
    return files[0]


def _unnamed() -> BackendError:
    detail = 'name the video by its id, {"video": {"id": ID}} in JSON, or send its file as it was downloaded'
    return BackendError(Cause.INVALID_REQUEST, detail, param="video")
