"""``forebay doctor``: this machine as the gateway would find it. Changes nothing."""

import shutil
import sys
from pathlib import Path

import click
from msgspec import Struct
from msgspec.json import encode

from backends.environments.doctor import examine
from backends.environments.finding import Finding
from gateway.catalog.problem import Problem
from gateway.commands.doctor_cloud import CloudView, cloud_lines, cloud_view
from gateway.commands.engines import engine_names, environments_of, worded
from gateway.commands.exposure import is_loopback, refusal, stored_keys
from gateway.commands.offline import offline_parts, settings_for
from gateway.commands.sizes import size
from gateway.commands.unknown_names import unknown_names
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


class Exposure(Struct, frozen=True, kw_only=True):
    """Who can reach the gateway. ``refusal`` is why it would not listen there; ``keys`` are those that open it.

    ``guarded`` once there is any key, even a revoked one, and on loopback too.
    """

    host: str
    port: int
    public: bool
    guarded: bool
    keys: int
    refusal: str | None


class Report(Struct, frozen=True, kw_only=True):
    """All that the doctor saw. ``problems`` are mistakes in profiles: while there are any, no model is listed. Models
    that only providers serve are counted in ``cloud``.
    """

    exposure: Exposure
    devices: list[DeviceView]
    engines: list[Finding]
    disk: list[Space]
    cloud: CloudView
    problems: list[str]
    models: list[Fit]

    @property
    def able(self) -> bool:
        """Whether any model can be served now."""
        return self.cloud.open or any(fit.variant is not None for fit in self.models)


@click.command()
@click.option("--devices", help='As if this were the machine: "2xRTX4090-24,ram=64", or a file.')
@click.option("--json", "as_json", is_flag=True, help="JSON output.")
def doctor(devices: str | None, as_json: bool) -> None:
    """Look at devices, engines, disk, keys and what fits. Exit code 1 when nothing can be served."""
    settings = settings_for(devices)
    report = examined(settings, *offline_parts(settings))
    if as_json:
        click.echo(encode(report).decode())
    else:
        click.echo("\n".join(_lines(report)))
    if not report.able:
        sys.exit(1)


def examined(settings: Settings, services: Services, problems: tuple[Problem, ...]) -> Report:
    """Look at everything once. Takes seconds: engines are imported in their own environments."""
    environments = environments_of(settings)
    return Report(
        exposure=_exposure(settings),
        devices=devices(services.runtime),
        engines=[
            *(finding for its in examine(environments, engine_names(environments)).values() for finding in its),
            *unknown_names(environments, services.catalog.catalog.profiles.values()),
        ],
        disk=[_space(folder) for folder in (settings.cache_dir, settings.data_dir, settings.state_dir)],
        cloud=cloud_view(settings, services),
        problems=[str(problem) for problem in problems],
        models=[
            _fit(services, name)
            for name, profile in services.catalog.catalog.profiles.items()
            if profile.variants or not profile.cloud
        ],
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


def _exposure(settings: Settings) -> Exposure:
    stored, own = stored_keys(settings), settings.presented_key() is not None
    return Exposure(
        host=settings.host,
        port=settings.port,
        public=not is_loopback(settings.host),
        guarded=own or bool(stored),
        keys=own + sum(key.revoked_at is None for key in stored),
        refusal=refusal(settings),
    )


def _space(folder: Path) -> Space:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return Space(folder=str(folder), free_bytes=shutil.disk_usage(there).free)


def _reached(exposure: Exposure) -> str:
    if exposure.refusal is not None:
        return exposure.refusal
    by = "the network" if exposure.public else "this machine only"
    keys = f"every request needs a key ({exposure.keys} live)" if exposure.guarded else "no key is needed"
    return f"{exposure.host}:{exposure.port}, reached by {by}; {keys}"


def _lines(report: Report) -> list[str]:
    memory = (f"{d.id}: {d.name}, {size(d.total_bytes)}, {size(d.usable_bytes)} usable" for d in report.devices)
    lines = ["address:", f"  {_reached(report.exposure)}", "devices:", *(f"  {line}" for line in memory)]
    lines += ["engines:", *(f"  {worded(finding)}" for finding in report.engines)]
    lines += ["disk:", *(f"  {space.folder}: {size(space.free_bytes)} free" for space in report.disk)]
    lines += ["cloud:", *(f"  {line}" for line in cloud_lines(report.cloud))]
    if report.problems:
        lines += ["mistakes in profiles:", *(f"  {problem}" for problem in report.problems)]
    lines.append("models:")
    for fit in report.models:
        what = f"{fit.variant}, {size(fit.device_bytes)}" if fit.variant else f"not now: {fit.why}"
        lines.append(f"  {fit.model}: {what}")
    if report.problems:
        lines.append("no model is known until the mistakes in profiles are mended (forebay check)")
    elif not report.able:
        lines.append("nothing can be served: install an engine and pull a model (make serve does both)")
    return lines
