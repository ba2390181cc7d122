"""Edits and variations: pictures that come along are stored apart and checked, and then it is a wish as any other."""

from pathlib import Path
from typing import TypeVar

from litestar.types import ASGIApp, Receive, Scope, Send

from backends.contract import Task
from backends.wire.decode import decode
from backends.wire.openai_images import EditRequest, VariationRequest, validate
from gateway.http.body import read_body, require_json
from gateway.http.errands import picture_errand
from gateway.http.image_orders import keep_of, order_of, require_post, route_of, wish_of
from gateway.http.multipart import is_form
from gateway.http.picture_serving import serve
from gateway.http.replies import exchange_of
from gateway.http.services import Services
from gateway.http.uploads import Pictures, request_of

R = TypeVar("R", EditRequest, VariationRequest)


def edit_handler(services: Services) -> ASGIApp:
    """``POST /v1/images/edits``: a mask makes it an inpainting."""
    return _handler(services, "/v1/images/edits", EditRequest, Task.IMAGE_EDIT)


def variation_handler(services: Services) -> ASGIApp:
    """``POST /v1/images/variations``."""
    return _handler(services, "/v1/images/variations", VariationRequest, Task.IMAGE_VARIATION)


def _handler(services: Services, endpoint: str, wanted: type[R], usual: Task) -> ASGIApp:
    async def serve_pictures(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        exchange.endpoint = endpoint
        require_post(exchange)
        with services.uploads.folder() as name:
            request, pictures = await _read(services, scope, receive, Path(name), wanted)
            validate(request)
            task = Task.INPAINT if pictures.mask is not None and usual is Task.IMAGE_EDIT else usual
            route = route_of(services, exchange, request, task)
            first = pictures.images[0]
            wish = wish_of(
                request,
                route,
                task,
                request.prompt,
                usual_size=(first.width, first.height),
                images=tuple(str(each.path) for each in pictures.images),
                mask=None if pictures.mask is None else str(pictures.mask.path),
            )
            errand = picture_errand(services, exchange, route, wish)
            order = order_of(request, wish, exchange, "image_edit", keep_of(services, request, scope), errand)
            await serve(services, scope, send, exchange, route, order)

    return serve_pictures


async def _read(
    services: Services, scope: Scope, receive: Receive, folder: Path, wanted: type[R]
) -> tuple[R, Pictures]:
    if is_form(scope):
        form = await services.uploads.form(scope, receive, folder)
        request = request_of(form, wanted)
        return request, await services.uploads.of_form(form.files, folder)
    require_json(scope)
    request = decode(await read_body(scope, receive, services.body_limits), wanted)
    mask = request.mask if isinstance(request, EditRequest) else None
    return request, await services.uploads.of_json(request.images, mask, folder)
