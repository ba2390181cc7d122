"""``forebay video PROMPT -o FILE``: one clip from a running gateway, with a bar while it is made.

The job is the gateway's: it goes on when this command is killed, and is cancelled when somebody interrupts it. A
gateway that goes while its clip is made is waited for, since it goes on with it.
"""

import base64
import time
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from gateway.commands.client import NotRunning, ask, download, events
from gateway.commands.steps import making_bar
from gateway.settings import Settings
from gateway.spending.money import nano, shown

_URL = "/v1/videos"
_LIVE = ("queued", "in_progress")
_BACK_WITHIN = 120.0
_LOOK_EVERY = 1.0


class _Error(Struct, kw_only=True):
    message: str = ""


class _Made(Struct, kw_only=True):
    seed: int = 0
    eta: int | None = None
    stage: str | None = None
    notes: list[str] = []
    variant: str | None = None
    cost_usd: float | None = None


class _Video(Struct, kw_only=True):
    """Of a job, what is shown."""

    id: str
    status: str = ""
    progress: float = 0.0
    size: str = ""
    seconds: str = ""
    error: _Error | None = None
    forebay: _Made = msgspec.field(default_factory=_Made)


class _Said(Struct, kw_only=True):
    video: _Video


@click.command()
@click.argument("prompt")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="MP4 to write.")
@click.option("--model", help="Default: the best one that is here.")
@click.option("--seconds", type=float, help="Default: the model's own length.")
@click.option("--size", help="WIDTHxHEIGHT; default: the model's own.")
@click.option("--fps", type=float, help="Default: the model's own.")
@click.option("--steps", type=int, help="Default: the model's own.")
@click.option("--seed", type=int, help="The same seed makes the same clip.")
@click.option("--negative-prompt", help="What it must not show.")
@click.option("--image", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Picture to begin with.")
def video(
    prompt: str,
    output: Path,
    model: str | None,
    seconds: float | None,
    size: str | None,
    fps: float | None,
    steps: int | None,
    seed: int | None,
    negative_prompt: str | None,
    image: Path | None,
) -> None:
    """Make one clip of PROMPT, such as "a cat to a lion"."""
    if output.suffix.lower() != ".mp4":
        raise click.BadParameter("the name ends in .mp4", param_hint="--output")
    if not output.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder {output.parent}", param_hint="--output")
    wanted = {
        "prompt": prompt, "model": model, "seconds": seconds, "size": size, "fps": fps, "steps": steps, "seed": seed,
        "negative_prompt": negative_prompt, "input_reference": None if image is None else _picture(image),
    }  # fmt: skip
    body = msgspec.json.encode({name: value for name, value in wanted.items() if value is not None})
    settings = Settings()
    job = ask(settings, "POST", _URL, _Video, body)
    for note in job.forebay.notes:
        click.echo(note, err=True)
    try:
        job = _watched(settings, job)
    except KeyboardInterrupt:
        ask(settings, "DELETE", f"{_URL}/{job.id}", msgspec.Raw)
        raise click.Abort from None
    if job.status != "completed":
        raise click.ClickException(job.error.message if job.error is not None else f"the clip is {job.status}")
    download(settings, f"{_URL}/{job.id}/content", output)
    made = job.forebay
    cost = "" if made.cost_usd is None else f", {shown(nano(made.cost_usd))} at {made.variant}"
    click.echo(f"{output} ({job.seconds} s, {job.size}, seed {made.seed}{cost})")


def _watched(settings: Settings, job: _Video) -> _Video:
    with making_bar() as bar:
        task = bar.add_task("waiting", total=100.0)
        heard = time.monotonic()
        while job.status in _LIVE:
            try:
                for said in events(settings, "GET", f"{_URL}/{job.id}/events", _Said):
                    job, heard = said.video, time.monotonic()
                    if job.status == "in_progress":
                        left = "" if job.forebay.eta is None else f", about {job.forebay.eta} s left"
                        bar.update(task, description=f"{job.forebay.stage or 'making'}{left}", completed=job.progress)
            except click.ClickException:
                bar.update(task, description="waiting for the gateway")
            if job.status in _LIVE:
                job = _back(settings, job, heard)
    return job


def _back(settings: Settings, job: _Video, heard: float) -> _Video:
    """The job once a gateway answers again; ``heard`` is when it last did."""
    while time.monotonic() - heard < _BACK_WITHIN:
        time.sleep(_LOOK_EVERY)
        try:
            return ask(settings, "GET", f"{_URL}/{job.id}", _Video)
        except NotRunning:
            continue
    raise click.ClickException(
        f"the gateway is gone; once it is back it makes the clip all the same: GET {_URL}/{job.id}/content"
    )


def _picture(path: Path) -> dict[str, str]:
    return {"b64_json": base64.b64encode(path.read_bytes()).decode()}
