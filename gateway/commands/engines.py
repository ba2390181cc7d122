"""``forebay engines``: what is installed, installing it, and what is wrong with it."""

import sys
from pathlib import Path

import click
from msgspec import Struct
from msgspec.json import encode

from backends.environments.doctor import examine
from backends.environments.environments import Environments
from backends.environments.finding import Finding, Level
from backends.environments.runtimes import AUTO, runtimes_of
from gateway.catalog.load import load
from gateway.commands.steps import StepLine
from gateway.commands.table import show
from gateway.commands.unknown_names import ENGINE, unknown_names
from gateway.settings import Settings

_MARKS = {Level.OK: "ok", Level.WARNING: "note", Level.ERROR: "WRONG"}


class EngineListing(Struct, frozen=True, kw_only=True):
    """One runtime of an engine; ``python`` is None when it is not installed."""

    engine: str
    runtime: str
    version: str
    installed: bool
    python: str | None


@click.group()
def engines() -> None:
    """List, install and check engines: each lives in an environment of its own."""


@engines.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON output.")
def list_engines(as_json: bool) -> None:
    """List engines and their runtimes."""
    listed = engine_listings(environments_of(Settings()))
    if as_json:
        click.echo(encode(listed).decode())
        return
    rows = ((each.engine, each.runtime, each.version, "yes" if each.installed else "no") for each in listed)
    show(("ENGINE", "RUNTIME", "VERSION", "INSTALLED"), rows)


@engines.command()
@click.argument("name")
@click.option("--runtime", default=AUTO, show_default=True, help="Which of its runtimes.")
@click.option("--cpu", is_flag=True, help="The runtime for the CPU: --runtime NAME_cpu.")
@click.option("--build", is_flag=True, help="Build from source, whatever ready wheels there are.")
def install(name: str, runtime: str, cpu: bool, build: bool) -> None:
    """Make the environment of engine NAME from its lock file.

    auto is the best runtime for this machine: of diffusers the build for CUDA where there is an NVIDIA card and on a
    Mac, else the one for the CPU, if pip knows an index that has it (PIP_EXTRA_INDEX_URL, PIP_FIND_LINKS). vllm needs
    an NVIDIA card; its build for the CPU is slow, somebody else's (GPL-3.0), and for tests: it comes with --cpu only.
    """
    if cpu and runtime not in (AUTO, f"{name}_cpu"):
        raise click.UsageError("--cpu and --runtime name different runtimes")
    runtime = f"{name}_cpu" if cpu else runtime
    with StepLine() as line:
        done = environments_of(Settings()).install(name, runtime, build=build, progress=line)
    state = "installed" if done.changed else "already here"
    click.echo(f"{done.engine}: {done.runtime} {done.version} {state}")


@engines.command()
@click.argument("name", required=False)
def doctor(name: str | None) -> None:
    """Say what is right and wrong with the engines, or with engine NAME.

    Exit code 1 when something is wrong. That one of several engines is not installed is a note.
    """
    environments = environments_of(Settings())
    found = examine(environments, [name] if name else engine_names(environments))
    if ENGINE in found and (catalog := load(Settings().profiles_dir).catalog) is not None:
        found[ENGINE].extend(unknown_names(environments, catalog.profiles.values()))
    for each, findings in found.items():
        click.echo(f"{each}:")
        for finding in findings:
            click.echo(f"  {worded(finding)}")
    if any(finding.level is Level.ERROR for findings in found.values() for finding in findings):
        sys.exit(1)


def environments_of(settings: Settings) -> Environments:
    """The engine environments that the gateway with these settings would use."""
    return Environments(settings.data_dir / "engines", wheels=settings.cache_dir / "wheels")


def engine_names(environments: Environments) -> list[str]:
    """Engines with an environment of their own: those that bring a lock file."""
    return sorted({path.parent.name for path in Path(environments.package).glob("*/requirements-*.txt")})


def engine_listings(environments: Environments) -> list[EngineListing]:
    """Every runtime of every engine."""
    listed: list[EngineListing] = []
    for engine in engine_names(environments):
        for runtime in runtimes_of(environments.package, engine):
            python = environments.python(engine, runtime.name)
            listed.append(
                EngineListing(
                    engine=engine,
                    runtime=runtime.name,
                    version=runtime.read().pin(runtime.distribution).version,
                    installed=python is not None,
                    python=None if python is None else str(python),
                )
            )
    return listed


def worded(finding: Finding) -> str:
    """A finding as one line."""
    return f"{_MARKS[finding.level]:<6}{finding.subject}: {finding.message}"
