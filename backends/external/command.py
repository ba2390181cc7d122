"""From an external engine's arguments to a command line. Placeholders are replaced by paths of ours, nothing else."""

import os
import re

from backends.contract import LaunchPlan, LaunchRequest, Post
from backends.external.args import ExternalArgs

_PLACEHOLDER = re.compile(r"\{(socket|weights|name|slots|context)\}")


def plan(args: ExternalArgs, request: LaunchRequest) -> LaunchPlan:
    """Placeholders: ``{socket}``, ``{weights}``, ``{name}``, ``{slots}``, ``{context}``. The environment is minimal."""
    socket = request.run_dir / "engine.sock"
    values = {
        "socket": str(socket),
        "weights": str(request.weights[0]) if request.weights else "",
        "name": request.served_name,
        "slots": str(request.slots),
        "context": str(request.context_tokens),
    }
    return LaunchPlan(
        argv=tuple(_filled(part, values) for part in args.command),
        env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "HOME": str(request.run_dir)},
        socket=socket,
        cwd=request.run_dir,
        ready_path=args.health_path,
        sleep=() if args.sleep_path is None else (Post(path=args.sleep_path),),
        wake=() if args.wake_path is None else (Post(path=args.wake_path),),
    )


def _filled(part: str, values: dict[str, str]) -> str:
    # In one pass: a path that happens to hold a placeholder's text is not filled in again.
    return _PLACEHOLDER.sub(lambda found: values[found[1]], part)
