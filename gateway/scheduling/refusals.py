"""The words of a refusal. Pure constructors, one a reason; ``retry_after`` is always an honest guess in seconds."""

from backends.errors import BackendError, Cause
from gateway.scheduling.cooldown import Failure
from gateway.scheduling.target import Target
from gateway.scheduling.ticket import Ticket


def draining() -> BackendError:
    """The process is on its way out."""
    return BackendError(Cause.DRAINING, "the gateway is shutting down", retry_after=5.0)


def full(target: Target, wait: float) -> BackendError:
    """The bounded queue of one model is full."""
    return BackendError(Cause.QUEUE_FULL, f"the queue of {target.profile_id} is full", retry_after=wait)


def not_loaded(error: BackendError, retry_after: float) -> BackendError:
    """The load failed with ``error``. A new object for each waiter: they raise it concurrently."""
    return BackendError(error.cause, error.detail, code=error.code, private=error.private, retry_after=retry_after)


def no_room(cause: Cause, detail: str) -> BackendError:
    """Placement says it cannot fit as things are; half a minute is when things may have changed."""
    return BackendError(cause, detail, retry_after=30.0)


def waited_too_long(ticket: Ticket, now: float, wait: float) -> BackendError:
    """Capacity did not come within the ticket's deadline."""
    detail = f"no capacity for {ticket.target.profile_id} within {now - ticket.enqueued:.0f} s"
    return BackendError(Cause.NO_CAPACITY, detail, retry_after=wait)


def cooling(target: Target, failure: Failure, now: float) -> BackendError:
    """It failed lately; loading it again at once would only evict healthy models."""
    left = failure.until - now
    times = "once" if failure.count == 1 else f"{failure.count} times"
    detail = f"{target.variant_id} failed {times}, next try in {left:.0f} s: {failure.reason}"
    return BackendError(Cause.LOAD_FAILED, detail, retry_after=left)
