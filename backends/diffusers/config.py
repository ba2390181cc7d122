"""What a worker process is told at its start, as one JSON file. Written by ``command``, read by ``worker``."""

from msgspec import Struct

from backends.diffusers.args import DiffusersArgs


class WorkerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``folder`` holds the pipeline, ``parts`` folders of further sources; ``device`` is ``cpu``, ``cuda`` or ``mps``.

    ``steps`` and ``guidance`` are for jobs that do not say. ``most_pixels`` bounds pictures that come with a job.
    """

    folder: str
    socket: str
    served_name: str
    args: DiffusersArgs
    device: str
    parts: dict[str, str] = {}
    steps: int
    guidance: float | None = None
    most_pixels: int = 16_777_216
    drain_seconds: float = 5.0
    alive_seconds: float = 5.0
