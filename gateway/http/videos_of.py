"""What all handlers of video endpoints begin with."""

from litestar.types import Scope

from backends.errors import BackendError, Cause
from gateway.http.replies import exchange_of
from gateway.http.services import Services
from gateway.jobs.videos import Videos


def videos_of(services: Services) -> Videos:
    """Raises ``BackendError(DRAINING)`` before the gateway has started."""
    if services.videos is None:
        raise BackendError(Cause.DRAINING, "the gateway has not started yet")
    return services.videos


def note_video(scope: Scope, endpoint: str) -> None:
    """The template of the route, for metrics."""
    exchange_of(scope).endpoint = endpoint
