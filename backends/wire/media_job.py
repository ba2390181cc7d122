"""The worker protocol for pictures and clips: what a job asks for, and the events that answer it. Shapes only.

``backends/external/PROTOCOL.md`` says it in words for people who write a worker of their own. Every event is one line
of JSON. Sizes are pixels, times are seconds, memory is bytes; unknown fields are ignored in both directions.
"""

from typing import Literal

import msgspec
from msgspec import Struct

MediaTask = Literal["generate", "vary", "edit", "inpaint", "animate", "restyle"]
ImageFormat = Literal["png", "jpeg", "webp"]
FileFormat = Literal["png", "jpeg", "webp", "mp4"]
Role = Literal["picture", "clip", "thumbnail", "sheet"]

CONTENT_TYPE = "application/x-ndjson"
MOST_LINE_BYTES = 96 * 1024 * 1024
"""A picture of 16 megapixels that does not compress, in base64."""


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A picture that comes with the job: a ``path`` the worker may read, or ``data`` in base64."""

    path: str = ""
    data: str = ""


class Lora(Struct, frozen=True):
    """One of the adapters the worker was started with, by its name there."""

    name: str
    scale: float = 1.0


class Output(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How pictures come back. ``quality`` (1 to 100) is for jpeg and webp. With a ``folder``, artifacts are files."""

    format: ImageFormat = "png"
    quality: int | None = None
    folder: str = ""


class RemoteTask(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Work at a provider: enough to go on asking after it in another process. URLs are absent where paths do.

    ``nanousd``: what it costs, where that was said when it was begun.
    """

    provider: str
    id: str
    poll: str = ""
    fetch: str = ""
    cancel: str = ""
    nanousd: int | None = None


class MediaJob(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Body of ``POST /jobs``: one picture for each of ``seeds``. What is absent is the worker's own default.

    With ``frames`` it is a clip of so many pictures, ``fps`` a second, and has one seed. ``animate`` begins with
    ``images[0]`` and ends with ``last``, ``restyle`` changes ``clip`` by ``strength``. ``sound``: if the model has any.
    For providers only: ``effort`` is how well it shall be made, in OpenAI's words; ``remote`` is work that was begun,
    to be waited for and not to be begun again; ``lasting`` work goes on there when the caller goes away, until
    ``DELETE /jobs/ID`` with the same body.
    """

    id: str
    task: MediaTask = "generate"
    prompt: str = ""
    negative_prompt: str | None = None
    width: int
    height: int
    seeds: tuple[int, ...]
    steps: int | None = None
    guidance: float | None = None
    strength: float | None = None
    images: tuple[Source, ...] = ()
    mask: Source | None = None
    frames: int | None = None
    fps: float | None = None
    last: Source | None = None
    clip: Source | None = None
    sound: bool = True
    loras: tuple[Lora, ...] = ()
    previews: int = 0
    output: Output = Output()
    effort: Literal["low", "medium", "high"] | None = None
    remote: RemoteTask | None = None
    lasting: bool = False


class Memory(Struct, frozen=True, kw_only=True):
    """What the worker's process holds now, and the most it held on the device since the last job began."""

    device_bytes: int
    host_bytes: int
    device_peak_bytes: int = 0


class Accepted(Struct, frozen=True, kw_only=True, tag_field="event", tag="accepted"):
    """The job is checked and has its turn, or will have when the one before it has ended."""

    id: str


class Remote(Struct, frozen=True, kw_only=True, tag_field="event", tag="remote"):
    """A provider has begun work that costs. To be kept at once: a job that begins anew with it pays only once.

    Workers never say this.
    """

    task: RemoteTask


class Stage(Struct, frozen=True, kw_only=True, tag_field="event", tag="stage"):
    """What happens now, such as ``encode``, ``denoise``, ``decode``; ``percent`` of the whole job, never falling."""

    name: str
    percent: float = 0.0


class Step(Struct, frozen=True, kw_only=True, tag_field="event", tag="step"):
    """Step ``i`` of ``n`` is done."""

    i: int
    n: int
    percent: float = 0.0


class Alive(Struct, frozen=True, kw_only=True, tag_field="event", tag="alive"):
    """Nothing new, but the work goes on: at least every ten seconds something is said."""


class Preview(Struct, frozen=True, kw_only=True, tag_field="event", tag="preview"):
    """How picture ``index`` looks so far: number ``number`` (from 0) of its previews, in base64."""

    index: int
    number: int
    width: int
    height: int
    format: ImageFormat
    data: str


class Artifact(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="artifact"):
    """Picture ``index`` is finished: ``data`` in base64, or the ``path`` of a file of ``bytes`` with ``sha256``.

    A clip is three files with the same ``index``: itself, a thumbnail, a sheet of its pictures. ``frames``, ``fps`` and
    ``sound`` say what it is. ``pixels_sha256`` is of its pictures in RGB: encoders do not always make the same bytes of
    the same pictures.
    """

    index: int
    seed: int
    width: int
    height: int
    format: FileFormat
    role: Role = "picture"
    data: str = ""
    path: str = ""
    bytes: int = 0
    sha256: str = ""
    pixels_sha256: str = ""
    frames: int = 0
    fps: float = 0.0
    sound: bool = False


class Done(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="done"):
    """The last line of a job that succeeded. ``nanousd``: what a provider says it cost, in billionths of a dollar."""

    seconds: float
    memory: Memory
    nanousd: int | None = None


class Failed(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", tag="error"):
    """The last line of a job that failed. ``cause`` is a word of ``backends.errors.Cause``.

    ``param`` is a field of the job. ``message`` may be shown to a client; ``private`` is for the log.
    """

    cause: str
    message: str
    param: str | None = None
    private: str = ""


class Cancelled(Struct, frozen=True, kw_only=True, tag_field="event", tag="cancelled"):
    """The last line of a job that was cancelled."""


Event = Accepted | Remote | Stage | Step | Alive | Preview | Artifact | Done | Failed | Cancelled
LAST = (Done, Failed, Cancelled)
CONTENT = (Preview, Artifact, *LAST)
"""From the first of these on, a job belongs to its client: before it, another worker may still be tried."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


def line(event: Event) -> bytes:
    """``event`` as it goes over the wire."""
    return _encoder.encode(event) + b"\n"


def event_of(line: bytes) -> Event:
    """The event in ``line``. Raises ``msgspec.DecodeError`` for anything else."""
    return _decoder.decode(line)
