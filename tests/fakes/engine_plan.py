"""Launch plans for ``tests/fakes/engine.py``."""

import sys
from pathlib import Path

from backends.contract import LaunchPlan

SCRIPT = Path(__file__).with_name("engine.py")


def fake_plan(
    run_dir: Path,
    *flags: str,
    name: str = "engine",
    start_timeout: float = 30.0,
    stop_grace: float = 5.0,
    env: dict[str, str] | None = None,
) -> LaunchPlan:
    """A plan whose socket lies in ``run_dir`` (a short path). ``flags`` are the script's own (``--load-delay``)."""
    socket = run_dir / f"{name}.sock"
    return LaunchPlan(
        argv=(sys.executable, "-I", "-S", str(SCRIPT), "--socket", str(socket), *flags),
        env={"PATH": "/usr/bin:/bin", **(env or {})},
        socket=socket,
        cwd=run_dir,
        start_timeout=start_timeout,
        stop_grace=stop_grace,
    )
