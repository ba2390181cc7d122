"""The video endpoints: jobs are made, looked at, listed and deleted. Files and events are served beside it."""

from pathlib import Path
from typing import Annotated, Literal

from litestar import Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.types import Receive, Scope

from backends.errors import BackendError, Cause
from backends.weights.store import digest_of
from backends.wire.decode import decode
from backends.wire.openai_images import GivenImage
from backends.wire.openai_videos import ExtendRequest, RemixRequest, VideoRequest, picture_of
from backends.wire.openai_videos_reply import Video, VideoDeleted, VideoList
from gateway.http.body import header, read_body, require_json
from gateway.http.multipart import FormFile, is_form
from gateway.http.picture_input import Checked
from gateway.http.replies import exchange_of
from gateway.http.services import Services
from gateway.http.uploads import request_of
from gateway.http.video_content import content_route
from gateway.http.video_events import events_route
from gateway.http.video_orders import VideoOrder, extension_of, order_of, remix_of
from gateway.http.video_sources import read_change
from gateway.http.video_telling import poll_after, readable, video_of
from gateway.http.videos_of import note_video, videos_of
from gateway.jobs.video_spec import profile_of

_FILES = frozenset({"input_reference", "last_frame"})
Asked = Request[None, None, State]
Limit = Annotated[int, QueryParameter(ge=1, le=100)]


def video_routes(services: Services) -> list[HTTPRouteHandler]:
    """All of them."""

    @post(["/v1/videos", "/v1/video"], status_code=200)
    async def create(request: Asked) -> Video:
        scope = request.scope
        note_video(scope, "/v1/videos")
        with services.uploads.folder() as name:
            wanted, first, last = await _read(services, scope, request.receive, Path(name))
            files = [digest_of(each.path).encode() for each in (first, last) if each is not None]
            job_id = videos_of(services).desk.new_id()
            order = order_of(services, exchange_of(scope), wanted, job_id, first, last, *files)
            return await _queued(services, scope, job_id, order)

    @post("/v1/videos/{name:str}/remix", status_code=200)
    async def remix(name: FromPath[str], request: Asked) -> Video:
        note_video(request.scope, "/v1/videos/{id}/remix")
        return await changed(request, name)

    @post("/v1/videos/edits", status_code=200)
    async def edit(request: Asked) -> Video:
        note_video(request.scope, "/v1/videos/edits")
        return await changed(request)

    @post("/v1/videos/{name:str}/extend", status_code=200)
    async def extend(name: FromPath[str], request: Asked) -> Video:
        note_video(request.scope, "/v1/videos/{id}/extend")
        return await extended(request, name)

    @post("/v1/videos/extensions", status_code=200)
    async def extension(request: Asked) -> Video:
        note_video(request.scope, "/v1/videos/extensions")
        return await extended(request)

    async def changed(request: Asked, name: str | None = None) -> Video:
        wanted, source = await read_change(services, request, RemixRequest, name)
        job_id = videos_of(services).desk.new_id()
        order = remix_of(services, exchange_of(request.scope), wanted, source, job_id)
        return await _queued(services, request.scope, job_id, order)

    async def extended(request: Asked, name: str | None = None) -> Video:
        wanted, source = await read_change(services, request, ExtendRequest, name)
        job_id = videos_of(services).desk.new_id()
        order = extension_of(services, exchange_of(request.scope), wanted, source, job_id)
        return await _queued(services, request.scope, job_id, order)

    @get("/v1/videos")
    async def listing(
        request: Asked,
        limit: Limit = 20,
        after: FromQuery[str | None] = None,
        order: FromQuery[Literal["asc", "desc"]] = "desc",
    ) -> VideoList:
        note_video(request.scope, "/v1/videos")
        owner = exchange_of(request.scope).key_id
        page = await videos_of(services).desk.page(owner, limit=limit, after=after, order=order)
        ids = [job.id for job in page.jobs]
        return VideoList(
            data=readable(page.jobs), first_id=ids[0] if ids else None, last_id=ids[-1] if ids else None,
            has_more=page.more,
        )  # fmt: skip

    @get("/v1/videos/{name:str}")
    async def one(name: FromPath[str], request: Asked) -> Response[Video]:
        note_video(request.scope, "/v1/videos/{id}")
        job = await videos_of(services).desk.get(exchange_of(request.scope).key_id, name)
        return Response(video_of(job), headers={"openai-poll-after-ms": str(poll_after(job))})

    @delete("/v1/videos/{name:str}", status_code=200)
    async def remove(name: FromPath[str], request: Asked) -> VideoDeleted:
        note_video(request.scope, "/v1/videos/{id}")
        desk, owner = videos_of(services).desk, exchange_of(request.scope).key_id
        if await desk.remove(owner, name) is not None:
            return VideoDeleted(id=name)
        job = await desk.cancel(owner, name)
        return VideoDeleted(id=job.id, status="cancelled")

    return [
        create, remix, edit, extend, extension, listing, one, remove, content_route(services), events_route(services),
    ]  # fmt: skip


async def _read(
    services: Services, scope: Scope, receive: Receive, folder: Path
) -> tuple[VideoRequest, Checked | None, Checked | None]:
    """The request, its first and its last picture."""
    files: dict[str, FormFile] = {}
    if is_form(scope):
        form = await services.uploads.form(scope, receive, folder, _FILES)
        request = request_of(form, VideoRequest)
        files = {file.field: file for file in form.files}
        if len(files) < len(form.files):
            raise BackendError(Cause.INVALID_REQUEST, "one file for each field", param=form.files[-1].label)
    else:
        require_json(scope)
        request = decode(await read_body(scope, receive, services.body_limits), VideoRequest)

    async def picture(field: str, named: GivenImage | str | None) -> Checked | None:
        """Forms bring files, whatever they call them."""
        if (file := files.get(field)) is not None:
            return await services.uploads.picture(file)
        given = picture_of(named)
        return None if given is None else await services.uploads.given_picture(given, field, folder)

    first = await picture("input_reference", request.input_reference)
    return request, first, await picture("last_frame", request.last_frame)


async def _queued(services: Services, scope: Scope, job_id: str, order: VideoOrder) -> Video:
    exchange = exchange_of(scope)
    exchange.model = profile_of(order.model)
    key = (header(scope, b"idempotency-key") or b"").decode("latin-1") or None
    new = order.job(job_id, exchange.key_id, key, services.settings.job_wait)
    created = await videos_of(services).desk.create(new, order.given)
    return video_of(created.job)
