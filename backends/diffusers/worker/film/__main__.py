# pyright: basic, reportMissingImports=false
# PyAV, numpy and Pillow are in the engine's environment only
"""``python -m backends.diffusers.worker.film CLIP FOLDER``: a thumbnail and a sheet of a movie that somebody else made,
and what it is, as JSON.

A process of its own, under limits: what decodes a foreign file may cost any amount of time and memory, and be wrong.
"""

import resource
import sys
from pathlib import Path

import msgspec

from backends.diffusers.worker.film.played import Played
from backends.diffusers.worker.film.reading import read_clip
from backends.diffusers.worker.film.sheet import write_sheet
from backends.diffusers.worker.film.still import write_still

_MEMORY = 4 * 1024 * 1024 * 1024
_CPU_SECONDS = 60


def main() -> int:
    """0 when both are there."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    clip, folder = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        seen = read_clip(clip)
        write_still(folder / "thumbnail.webp", Played(clip))
        write_sheet(folder / "spritesheet.jpeg", Played(clip))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    said = {"width": seen.width, "height": seen.height, "seconds": seen.seconds}
    sys.stdout.buffer.write(msgspec.json.encode(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
