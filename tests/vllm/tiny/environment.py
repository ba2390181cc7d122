"""vLLM's environment under another roof, whose Python starts servers by ``start.py``. Changes nothing in it."""

import shlex
import shutil
from pathlib import Path

from backends.environments.environments import Environments
from backends.environments.runtimes import choose
from backends.environments.store import Store
from backends.environments.venv import VirtualEnvironment

RUNTIME = "vllm_cpu"
START = Path(__file__).with_name("start.py")


def quick(data: Path, installed: Path, said: Path) -> None:
    """An environment below ``data`` (the gateway's ``FOREBAY_DATA_DIR``) that is ``installed`` but for its ``bin``.

    What each engine says goes to a file in ``said``: the gateway keeps its end only, and vLLM ends in what follows.
    """
    (runtime,) = choose(Environments().package, "vllm", RUNTIME)
    store = Store(data / "engines", runtime)
    environment = VirtualEnvironment(store.directory / "envs" / "quick")
    (environment.directory / "bin").mkdir(parents=True)
    real = installed.parents[1]
    (environment.directory / "lib").symlink_to(real / "lib")
    for name in ("forebay.json", "known.json"):
        if (real / name).exists():
            shutil.copy(real / name, environment.directory)
    environment.python.write_text(
        f'#!/bin/sh\nexec {shlex.quote(str(installed))} -P {START} "$@" >{said}/$$ 2>&1\n', "utf-8"
    )
    environment.python.chmod(0o755)
    store.switch(environment)
