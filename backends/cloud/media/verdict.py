"""What a vendor's answer means: the state of its work, a failure, a refusal, a price. Pure."""

from typing import Literal

import msgspec

from backends.cloud.media.operation import Failure
from backends.cloud.media.plan import Plan
from backends.cloud.provider import Provider
from backends.cloud.refusal import provider_refusal
from backends.errors import BackendError, Cause

State = Literal["queued", "in_progress", "completed", "failed", "cancelled", "refused"]
_MOST_WORDS = 300
_MOST_TEXT = 4096


def answer_of(body: bytes) -> object:
    """The JSON in an answer; ``None`` where there is none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None


def state_of(plan: Plan, status: int, answer: object) -> tuple[State, str]:
    """The state, and the vendor's own word for it where that is unknown."""
    job = plan.operation.job
    assert job is not None
    assert plan.status is not None
    if status in job.working:
        return "in_progress", ""
    word = plan.status.text(answer) or ""
    known: tuple[tuple[State, tuple[str, ...]], ...] = (
        ("completed", job.states.completed), ("failed", job.states.failed), ("cancelled", job.states.cancelled),
        ("refused", job.states.refused), ("queued", job.states.queued), ("in_progress", job.states.in_progress),
    )  # fmt: skip
    for state, words in known:
        if word in words:
            return state, ""
    return "in_progress", word


def percent_of(plan: Plan, answer: object) -> float | None:
    """How much of the work is done, 0 to 100, as the vendor says it."""
    job = plan.operation.job
    found = None if job is None or plan.progress is None else plan.progress.number(answer)
    return None if job is None or found is None else min(100.0, max(0.0, 100.0 * found / job.whole))


def nanousd_of(plan: Plan, *answers: object) -> int | None:
    """What it cost, as the first of ``answers`` says that says it."""
    for answer in answers:
        told = [(path.number(answer), usd) for path, usd in plan.costs]
        found = [number * usd for number, usd in told if number is not None and number >= 0]
        if found:
            return round(sum(found) * 1_000_000_000)
    return None


def declined(
    plan: Plan, provider: Provider, model: str, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> BackendError:
    """The error that an answer with any status but 2xx means, in the vendor's words where they are the client's."""
    error = provider_refusal(provider, model, status, headers, body)
    answer = answer_of(body)
    said = _said(plan, answer)
    text = body[:_MOST_TEXT].decode("utf-8", "replace") if answer is None else _text(answer)
    cause = _cause(plan.operation.failure, text)
    if cause is None and error.cause is Cause.INVALID_REQUEST and said:
        cause = Cause.INVALID_REQUEST
    if cause is None:
        return error
    return _failure(provider, cause, said, error.private or body[:512].decode("utf-8", "replace"), error)


def failed_inside(plan: Plan, provider: Provider, answer: object) -> BackendError | None:
    """The failure in an answer of success; ``None`` when there is none."""
    return work_failed(plan, provider, answer) if plan.when is not None and plan.when.holds(answer) else None


def work_failed(plan: Plan, provider: Provider, answer: object, *, refused: bool = False) -> BackendError:
    """The failure of work that the vendor says has failed."""
    text = _text(answer)
    cause = Cause.CONTENT_REFUSED if refused else _cause(plan.operation.failure, text) or Cause.UPSTREAM_ERROR
    return _failure(provider, cause, _said(plan, answer), text[:512])


def _failure(
    provider: Provider, cause: Cause, said: str, private: str, like: BackendError | None = None
) -> BackendError:
    detail = {
        Cause.CONTENT_REFUSED: f"{provider.name} refuses this content",
        Cause.PROVIDER_ACCOUNT: f"{provider.name} does not accept its key, or the account is empty",
        Cause.UPSTREAM_RATE_LIMITED: f"{provider.name} has too much to do",
    }.get(cause, f"{provider.name} could not do it")
    told = said and cause in (Cause.CONTENT_REFUSED, Cause.INVALID_REQUEST, Cause.UPSTREAM_ERROR)
    return BackendError(
        cause, f"{detail}: {said}" if told else detail, private=private,
        retry_after=None if like is None else like.retry_after,
        upstream_status=None if like is None else like.upstream_status,
    )  # fmt: skip


def _text(answer: object) -> str:
    """Without the vendor's spaces, so that a code in a file is found however it is written."""
    return msgspec.json.encode(answer).decode()[:_MOST_TEXT]


def _said(plan: Plan, answer: object) -> str:
    words = [text for each in plan.messages if (text := each.text(answer))]
    return "; ".join(words)[:_MOST_WORDS]


def _cause(failure: Failure, text: str) -> Cause | None:
    lowered = text.lower()
    for cause, words in (
        (Cause.CONTENT_REFUSED, failure.refused),
        (Cause.PROVIDER_ACCOUNT, failure.account),
        (Cause.UPSTREAM_RATE_LIMITED, failure.limited),
        (Cause.INVALID_REQUEST, failure.invalid),
    ):
        if any(word.lower() in lowered for word in words):
            return cause
    return None
