"""GET /health, /ready and /metrics. Health tells that the process lives; ready that it takes requests."""

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from gateway.http.services import Services


def health_routes(services: Services) -> list[HTTPRouteHandler]:
    """The probes and the scrape."""

    @get("/health", sync_to_thread=False)
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @get("/ready", sync_to_thread=False)
    def ready() -> Response[dict[str, str]]:
        lifetime = services.lifetime
        if lifetime.draining:
            return Response({"status": "draining"}, status_code=503)
        if not lifetime.started:
            return Response({"status": "starting"}, status_code=503)
        if not services.catalog.catalog.profiles:
            return Response({"status": "no catalog"}, status_code=503)
        return Response({"status": "ready"}, status_code=200)

    @get("/metrics", sync_to_thread=False)
    def metrics() -> Response[bytes]:
        headers = {"content-type": "text/plain; version=0.0.4; charset=utf-8"}
        return Response(services.metrics.expose(), headers=headers, media_type=None)

    return [health, ready, metrics]
