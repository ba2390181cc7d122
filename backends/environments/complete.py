"""What some runtimes need after pip: metadata that nobody ships, and what the engine knows, asked once."""

from backends.environments.ask import ask
from backends.environments.pose import pose
from backends.environments.progress import Progress
from backends.environments.runtimes import Runtime
from backends.environments.venv import VirtualEnvironment

_SECONDS = 300.0


def complete(runtime: Runtime, environment: VirtualEnvironment, version: str, progress: Progress) -> None:
    """Do it. An engine that cannot say what it knows is installed all the same: the doctor tells what is wrong."""
    kind = runtime.kind
    if kind.poses_as:
        pose(environment.site_packages, kind.poses_as, version)
    if not kind.survey:
        return
    progress(f"asking {runtime.name} what it knows")
    _, wrong = ask(environment.python, ["-m", kind.survey, str(environment.known)], seconds=_SECONDS)
    if wrong:
        environment.known.unlink(missing_ok=True)
        progress(f"{runtime.name} does not say what it knows: {wrong}")
