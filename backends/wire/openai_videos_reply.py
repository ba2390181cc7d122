"""The answers of the video endpoints, in OpenAI's shape; ``forebay`` says what was really made. Shapes only."""

from msgspec import Struct


class VideoError(Struct, frozen=True, kw_only=True):
    """Why it failed. ``code`` is a word of ``backends.errors.Cause``."""

    code: str
    message: str


class VideoMade(Struct, frozen=True, kw_only=True):
    """How it is made: ``notes`` say what was changed of the request. ``eta`` in seconds, ``None`` while unknown;
    ``cost_usd`` is what a provider has asked for it.
    """

    task: str
    frames: int
    fps: float
    seed: int
    variant: str | None
    backend: str | None
    where: str
    cost_usd: float | None
    stage: str | None
    eta: int | None
    attempts: int
    notes: list[str]
    extends: str | None
    bytes: int


class Video(Struct, frozen=True, kw_only=True):
    """A video job. ``status``: OpenAI's words, and ``cancelled`` and ``expired``. Times are Unix seconds."""

    id: str
    model: str
    status: str
    progress: int
    created_at: int
    completed_at: int | None
    expires_at: int | None
    size: str
    seconds: str
    prompt: str
    remixed_from_video_id: str | None
    error: VideoError | None
    forebay: VideoMade
    object: str = "video"


class VideoList(Struct, frozen=True, kw_only=True):
    """A page; the next begins ``after`` its ``last_id``."""

    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool
    object: str = "list"


class VideoDeleted(Struct, frozen=True, kw_only=True):
    """``status`` is ``cancelled`` for one that had not ended: it can still be looked at."""

    id: str
    status: str | None = None
    deleted: bool = True
    object: str = "video.deleted"


class VideoEvent(Struct, frozen=True, kw_only=True):
    """An event of ``GET /v1/videos/{id}/events``: ``video.queued``, ``.in_progress``, or the last one's status."""

    type: str
    video: Video
