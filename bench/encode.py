"""``python -m bench.encode [ROUNDS]``: CPU seconds for a clip's files, of 16 pictures of 832 × 480 made beforehand.

Runs itself in the environment of the engine diffusers, where PyAV is. Counted is the CPU time of all threads, from
pictures in memory to files on the disk; the pictures move and have grain, so that there is something to encode.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FRAMES, WIDTH, HEIGHT, FPS = 16, 832, 480, 16
LIMIT = 1.0
"""CPU seconds that the movie may take."""
INSIDE = "--inside"


def measure(rounds: int) -> int:
    import av
    import numpy as np
    from PIL import Image

    from backends.diffusers.worker.film.movie import write_movie
    from backends.diffusers.worker.film.sheet import write_sheet
    from backends.diffusers.worker.film.sound import Sound
    from backends.diffusers.worker.film.still import write_still

    random = np.random.default_rng(1)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    coarse = random.integers(0, 255, (HEIGHT // 24, WIDTH // 16, 3), np.uint8)
    shapes = np.asarray(Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)).astype(int)

    def picture(number: int) -> np.ndarray:
        sweep = np.stack([x * 255 // WIDTH, y * 255 // HEIGHT, (x + y + 8 * number) // 4 % 256], axis=-1)
        grain = random.normal(0, 4, (HEIGHT, WIDTH, 1))
        moved = np.roll(shapes, 6 * number, axis=1)
        return np.clip(0.5 * sweep + 0.5 * moved + grain, 0, 255).astype(np.uint8)

    frames = [picture(number) for number in range(FRAMES)]
    sound = Sound(samples=random.uniform(-0.5, 0.5, (2, 24000 * FRAMES // FPS)), rate=24000)
    with tempfile.TemporaryDirectory(prefix="fbe") as scratch:
        folder = Path(scratch)
        works: list[tuple[str, Path, Callable[[Path], object]]] = [
            ("H.264 alone", folder / "a.mp4", lambda path: write_movie(path, frames, FPS)),
            ("H.264 with stereo AAC", folder / "b.mp4", lambda path: write_movie(path, frames, FPS, sound)),
            ("thumbnail WebP", folder / "a.webp", lambda path: write_still(path, frames)),
            ("sheet JPEG 4 × 4", folder / "a.jpg", lambda path: write_sheet(path, frames)),
        ]
        print(f"{FRAMES} pictures of {WIDTH} × {HEIGHT} at {FPS} a second, {rounds} rounds, PyAV {av.__version__}, "
              f"{os.cpu_count()} cores")  # fmt: skip
        print(f"{'':24}{'first':>9}{'median':>9}{'most':>9}  CPU seconds")
        most = 0.0
        for name, path, work in works:
            taken = [spent(work, path) for _ in range(rounds)]
            print(f"{name:24}{taken[0]:9.3f}{statistics.median(taken):9.3f}{max(taken):9.3f}"
                  f"  {path.stat().st_size / 1000:.0f} kB")  # fmt: skip
            if path.suffix == ".mp4":
                most = max(most, *taken)
    print(f"a movie took at most {most:.3f} CPU seconds; it may take {LIMIT}")
    return 0 if most <= LIMIT else 1


def spent(work: Callable[[Path], object], path: Path) -> float:
    begun = time.process_time()
    work(path)
    return time.process_time() - begun


def main() -> int:
    from backends.environments.environments import Environments

    python = Environments().python("diffusers")
    if python is None:
        sys.exit("the engine diffusers is not installed; run: forebay engines install diffusers")
    rounds = sys.argv[1] if len(sys.argv) > 1 else "7"
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    return subprocess.run([python, "-m", "bench.encode", INSIDE, rounds], env=environment, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(measure(int(sys.argv[2])) if INSIDE in sys.argv else main())
