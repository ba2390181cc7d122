"""``forebay doctor``: this machine as the gateway would find it. Changes nothing."""

import shutil
import sys
from pathlib import Path

import click
from msgspec import Struct
from msgspec.json import encode

from backends.environments.doctor import Finding, examine
from gateway.commands.engines import engine_names, environments_of, worded
from gateway.commands.offline import offline_services
from gateway.commands.sizes import size
from gateway.http.services import Services
from gateway.routing.explain import explain
from gateway.scheduling.views import DeviceView, devices
from gateway.settings import Settings


class Fit(Struct, frozen=True, kw_only=True):
    """Which variant of a model this machine would serve; ``why`` says what is missing."""

    model: str
    variant: str | None
    device_bytes: int
    why: str


class Space(Struct, frozen=True, kw_only=True):
    """Free bytes of the disk that holds a folder."""

    folder: str
    free_bytes: int


class Report(Struct, frozen=True, kw_only=True):
    """All that the doctor saw."""

    devices: list[DeviceView]
    engines: list[Finding]
    disk: list[Space]
    models: list[Fit]

    @property
    def able(self) -> bool:
        """Whether any model can be served now."""
        return any(fit.variant is not None for fit in self.models)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON output.")
def doctor(as_json: bool) -> None:
    """Look at devices, engines, disk and what fits. Exit code 1 when nothing can be served."""
    settings = Settings()
    report = examined(settings, offline_services(settings))
    if as_json:
        click.echo(encode(report).decode())
    else:
        click.echo("\n".join(_lines(report)))
    if not report.able:
        sys.exit(1)


def examined(settings: Settings, services: Services) -> Report:
    """Look at everything once. Takes seconds: engines are imported in their own environments."""
    environments = environments_of(settings)
    return Report(
        devices=devices(services.runtime),
        engines=[finding for name in engine_names(environments) for finding in examine(environments, name)],
        disk=[_space(folder) for folder in (settings.cache_dir, settings.data_dir, settings.state_dir)],
        models=[_fit(services, name) for name in services.catalog.catalog.profiles],
    )


def _fit(services: Services, model: str) -> Fit:
    found = explain(services.table().route(model), services.runtime, services.dispatcher.missing)
    served = next((c for c in found.candidates if c.variant == found.serves), None)
    if served is not None:
        return Fit(model=model, variant=served.variant, device_bytes=served.device_bytes, why="")
    fitting = next((c for c in found.candidates if c.decision != "refuse"), None)
    shown = fitting or min(found.candidates, key=lambda c: c.device_bytes, default=None)
    if shown is None:
        return Fit(model=model, variant=None, device_bytes=0, why="no local variant")
    return Fit(model=model, variant=None, device_bytes=shown.device_bytes, why=shown.why)


def _space(folder: Path) -> Space:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return Space(folder=str(folder), free_bytes=shutil.disk_usage(there).free)


def _lines(report: Report) -> list[str]:
    memory = (f"{d.id}: {d.name}, {size(d.total_bytes)}, {size(d.usable_bytes)} usable" for d in report.devices)
    lines = ["devices:", *(f"  {line}" for line in memory)]
    lines += ["engines:", *(f"  {worded(finding)}" for finding in report.engines)]
    lines += ["disk:", *(f"  {space.folder}: {size(space.free_bytes)} free" for space in report.disk)]
    lines.append("models:")
    for fit in report.models:
        what = f"{fit.variant}, {size(fit.device_bytes)}" if fit.variant else f"not now: {fit.why}"
        lines.append(f"  {fit.model}: {what}")
    if not report.able:
        lines.append("nothing can be served: install an engine and pull a model (make serve does both)")
    return lines
