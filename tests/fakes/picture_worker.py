"""A worker process without torch: the real desk and front over a model that paints one colour a seed.

``python -m tests.fakes.picture_worker SOCKET [FAULT]``. Words in a prompt change a job: ``die`` ends the process at its
second step, ``oom`` and ``refuse`` fail, ``hold FOLDER`` writes a file into the folder and waits for another,
``count FOLDER`` leaves a file there for each run.
"""

import asyncio
import base64
import hashlib
import io
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from backends.diffusers.worker.desk import Desk
from backends.diffusers.worker.front import Front
from backends.diffusers.worker.model import Control
from backends.errors import BackendError, Cause
from backends.serving.listen import listening, protocol
from backends.serving.stop import stop_signal
from backends.wire.media_job import Artifact, MediaJob, Memory, Preview, Stage, Step

STEPS = 4
PATIENCE = 30.0


class Painter:
    """Implements ``Model``."""

    def __init__(self, fault: str) -> None:
        self._fault = fault
        self._count = 0

    def check(self, job: MediaJob) -> None:
        if any(lora.name == "broken" for lora in job.loras):
            raise BackendError(Cause.INVALID_REQUEST, "that one is broken", param="loras[0].name")

    def run(self, job: MediaJob, control: Control) -> None:
        self._count += 1
        words = job.prompt.split()
        steps = job.steps or STEPS
        control.report(Stage(name="encode", percent=50.0 if self._fault == "falls" else 0.0))
        if "refuse" in words:
            raise BackendError(Cause.CONTENT_REFUSED, "not that")
        if "oom" in words:
            raise BackendError(Cause.OUT_OF_MEMORY, "no room for it", private="CUDA out of memory")
        for index, seed in enumerate(job.seeds):
            for i in range(1, steps + 1):
                control.check()
                if "die" in words and i == 2:
                    os._exit(9)
                if "hold" in words and i == 2:
                    _hold(Path(words[words.index("hold") + 1]), control)
                done = (index + i / steps) / len(job.seeds)
                control.report(Step(i=i, n=steps, percent=round(100 * done, 2)))
                if i <= job.previews:
                    control.report(_preview(job, index, i - 1, seed))
            if "count" in words:
                (Path(words[words.index("count") + 1]) / f"{job.id}.{time.monotonic_ns()}").touch()
            if job.frames is not None:
                for made in filmed(job, index, seed):
                    control.report(made)
                continue
            raw = _painted(job, seed + (self._count if self._fault == "differs" else 0))
            control.report(
                Artifact(
                    index=index,
                    seed=seed,
                    width=job.width,
                    height=job.height,
                    format=job.output.format,
                    data=base64.b64encode(raw).decode(),
                    bytes=len(raw),
                    sha256=hashlib.sha256(raw).hexdigest(),
                )
            )

    def offload(self) -> None:
        """Nothing to move."""

    def onload(self) -> None:
        """Nothing to move."""

    def memory(self) -> Memory:
        return Memory(device_bytes=1 << 20, host_bytes=1 << 20, device_peak_bytes=2 << 20)


def colour(seed: int) -> tuple[int, int, int]:
    """What a seed looks like."""
    return (seed * 37) % 256, (seed * 101) % 256, (seed * 197) % 256


def _painted(job: MediaJob, seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (job.width, job.height), colour(seed)).save(buffer, job.output.format.upper())
    return buffer.getvalue()


def filmed(job: MediaJob, index: int, seed: int) -> list[Artifact]:
    """No movie: files that say what was asked for, so that a test can see it. ``digests`` are of what was given."""
    given = [*(each.path for each in job.images), *(each.path for each in (job.last, job.clip) if each is not None)]
    about = {
        "task": job.task, "prompt": job.prompt, "width": job.width, "height": job.height, "frames": job.frames,
        "fps": job.fps, "seed": seed, "steps": job.steps, "guidance": job.guidance, "sound": job.sound,
        "strength": job.strength, "digests": [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in given],
    }  # fmt: skip
    made: list[Artifact] = []
    for role, form in (("clip", "mp4"), ("thumbnail", "webp"), ("sheet", "jpeg")):
        path = Path(job.output.folder) / f"{job.id}-{index}.{form}"
        raw = json.dumps(about | {"role": role}).encode()
        path.write_bytes(raw)
        made.append(
            Artifact(
                index=index, seed=seed, width=job.width, height=job.height, format=form, role=role, path=str(path),
                bytes=len(raw), sha256=hashlib.sha256(raw).hexdigest(), frames=job.frames or 0, fps=job.fps or 0.0,
            )
        )  # fmt: skip
    return made


def _preview(job: MediaJob, index: int, number: int, seed: int) -> Preview:
    buffer = io.BytesIO()
    Image.new("RGB", (job.width, job.height), colour(seed)).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return Preview(index=index, number=number, width=job.width, height=job.height, format="png", data=data)


def _hold(folder: Path, control: Control) -> None:
    (folder / "held").touch()
    deadline = time.monotonic() + PATIENCE
    while not (folder / "go").exists() and time.monotonic() < deadline:
        control.check()
        time.sleep(0.005)  # another process says when


async def main(socket: str, fault: str) -> None:
    front = Front()
    stop = stop_signal()
    with listening(socket) as listener, ThreadPoolExecutor(1) as thread:
        server = await asyncio.get_running_loop().create_unix_server(protocol(front), sock=listener)
        front.desk = Desk(Painter(fault), thread, alive_seconds=1.0)
        await stop
        server.close()
        front.desk.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))
