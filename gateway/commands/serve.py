"""``forebay serve``: refuse what would be unsafe, bind, run."""

import sys
from pathlib import Path

import click
from pydantic import ValidationError

from backends.errors import BackendError
from gateway import __version__
from gateway.app import create_app
from gateway.commands.exposure import refusal
from gateway.commands.failures import in_words
from gateway.http.server import bind, run
from gateway.scheduling.device_spec import parse
from gateway.settings import Settings

_UNSAFE = 2


@click.command()
@click.option("--host", help="Address to listen on (default 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@click.option("--profiles", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Folder of profiles.")
@click.option("--devices", help="`ram=1GiB`: no cards, and so much host RAM for engines.")
def serve(host: str | None, port: int | None, profiles: Path | None, devices: str | None) -> None:
    """Serve the gateway until SIGTERM or Ctrl-C. The first line printed is its address."""
    given = {"host": host, "port": port, "profiles_dir": profiles, "devices": devices}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        if (unsafe := refusal(settings)) is not None:
            click.echo(unsafe, err=True)
            sys.exit(_UNSAFE)
        if settings.devices is not None and parse(settings.devices).gpus:
            # Engines would not find such cards. Real ones are chosen by CUDA_VISIBLE_DEVICES.
            raise click.UsageError(
                f"{settings.devices} has cards that are not there; to serve, only ram=SIZE is possible"
            )
        started = _run(settings)
    except (BackendError, ValidationError) as error:
        raise in_words(error) from None
    if not started:
        sys.exit(1)


def _run(settings: Settings) -> bool:
    listener = bind(settings)  # first: a busy port is the commonest refusal, and nothing has to be undone
    try:
        app = create_app(settings)
    except OSError as error:
        listener.close()
        raise click.ClickException(f"cannot use {error.filename}: {error.strerror}") from None
    return run(app, settings, listener, _announce)


def _announce(address: str) -> None:
    click.echo(f"forebay {__version__} listening on {address}")
    sys.stdout.flush()
