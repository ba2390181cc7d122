"""The image endpoints: generations here, edits and variations beside it, all as routes of the application."""

from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from backends.contract import Task
from backends.wire.decode import decode
from backends.wire.openai_images import GenerationRequest, validate
from gateway.http.body import read_body, require_json
from gateway.http.errands import picture_errand
from gateway.http.image_edits import edit_handler, variation_handler
from gateway.http.image_orders import keep_of, order_of, require_post, route_of, wish_of
from gateway.http.picture_serving import serve
from gateway.http.replies import exchange_of
from gateway.http.services import Services


def image_routes(services: Services) -> list[ASGIRouteHandler]:
    """All of them."""
    generate = _generations(services)
    handlers = {
        "/v1/images/generations": generate,
        "/v1/images": generate,
        "/v1/images/edits": edit_handler(services),
        "/v1/images/variations": variation_handler(services),
    }
    return [asgi(path, name=path, copy_scope=False)(handler) for path, handler in handlers.items()]


def _generations(services: Services) -> ASGIApp:
    async def generate(scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        exchange.endpoint = "/v1/images/generations"
        require_post(exchange)
        require_json(scope)
        request = decode(await read_body(scope, receive, services.body_limits), GenerationRequest)
        validate(request)
        route = route_of(services, exchange, request, Task.IMAGE)
        wish = wish_of(request, route, Task.IMAGE, request.prompt)
        errand = picture_errand(services, exchange, route, wish)
        order = order_of(request, wish, exchange, "image_generation", keep_of(services, request, scope), errand)
        await serve(services, scope, send, exchange, route, order)

    return generate
