"""``GET /v1/videos/{id}/content``: a clip, its thumbnail or its sheet, whole or in parts (RFC 9110, 14)."""

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from backends.errors import BackendError, Cause
from gateway.artifacts.ranges import Span, span_of
from gateway.http.body import header
from gateway.http.replies import exchange_of
from gateway.http.services import Services
from gateway.http.video_telling import status_of
from gateway.http.videos_of import note_video, videos_of
from gateway.jobs.job import Artifact, Job
from gateway.jobs.video_spec import SHEET, THUMBNAIL, VIDEO

_VARIANTS = (VIDEO, THUMBNAIL, SHEET)


def content_route(services: Services) -> HTTPRouteHandler:
    """The one route."""

    @get("/v1/videos/{name:str}/content")
    async def content(
        name: FromPath[str], request: Request[None, None, State], variant: FromQuery[str] = VIDEO
    ) -> Response[bytes] | Stream:
        scope = request.scope
        note_video(scope, "/v1/videos/{id}/content")
        if variant not in _VARIANTS:
            raise BackendError(Cause.INVALID_REQUEST, f"variant is one of {', '.join(_VARIANTS)}", param="variant")
        desk = videos_of(services).desk
        artifact = _artifact(await desk.get(exchange_of(scope).key_id, name), variant)
        asked = header(scope, b"range")
        if (condition := header(scope, b"if-range")) is not None and condition != _tag(artifact).encode():
            asked = None  # the part would be of another file
        span = span_of(None if asked is None else asked.decode("latin-1"), artifact.size)
        if span is None:
            headers = {"content-range": f"bytes */{artifact.size}"}
            return Response(b"", status_code=416, headers=headers, media_type=artifact.media_type)
        return Stream(
            desk.read(artifact, span.start, span.end),
            status_code=206 if span.part else 200,
            headers=_headers(artifact, span, name),
            media_type=artifact.media_type,
        )

    return content


def _artifact(job: Job, variant: str) -> Artifact:
    found = next((each for each in job.result if each.name == variant), None)
    if found is not None and job.status == "completed":
        return found
    if job.status == "expired":
        raise BackendError(Cause.NOT_FOUND, "this video has expired", code="video_expired")
    if job.status == "completed":
        raise BackendError(Cause.NOT_FOUND, f"this video has no {variant}", code="variant_not_found")
    raise BackendError(Cause.INVALID_REQUEST, f"this video is {status_of(job)}, not completed", code="video_not_ready")


def _tag(artifact: Artifact) -> str:
    return f'"{artifact.digest}"'


def _headers(artifact: Artifact, span: Span, name: str) -> dict[str, str]:
    ending = artifact.key.rpartition(".")[2]
    headers = {
        "accept-ranges": "bytes",
        "content-length": str(span.length),
        "content-disposition": f'attachment; filename="{name}.{ending}"',
        "etag": _tag(artifact),
        "x-content-type-options": "nosniff",
        "cache-control": "private, immutable",
    }
    return headers | ({"content-range": span.content_range} if span.part else {})
