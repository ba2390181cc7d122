"""``forebay serve``: refuse what would be unsafe, bind, run."""

import ipaddress
import sys
from pathlib import Path

import click
from pydantic import ValidationError

from backends.errors import BackendError
from gateway import __version__
from gateway.app import create_app
from gateway.database import open_database
from gateway.http.server import bind, run
from gateway.keys.store import KeyStore
from gateway.settings import Settings

_UNSAFE = 2


@click.command()
@click.option("--host", help="Address to listen on (default 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@click.option("--profiles", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Folder of profiles.")
def serve(host: str | None, port: int | None, profiles: Path | None) -> None:
    """Serve the gateway until SIGTERM or Ctrl-C. The first line printed is its address."""
    given = {"host": host, "port": port, "profiles_dir": profiles}
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        _refuse_unsafe(settings)
        started = _run(settings)
    except ValidationError as error:
        lines = [f"FOREBAY_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()]
        raise click.ClickException("settings: " + "; ".join(lines)) from None
    except BackendError as error:
        raise click.ClickException(error.detail) from None
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


def _refuse_unsafe(settings: Settings) -> None:
    """A public address needs an explicit yes and a key: open inference servers get found within hours."""
    if _is_loopback(settings.host):
        return
    if not settings.allow_remote:
        click.echo(f"refusing to listen on {settings.host}: set FOREBAY_ALLOW_REMOTE=1 to mean it", err=True)
        sys.exit(_UNSAFE)
    if settings.presented_key() is None and not _has_keys(settings):
        click.echo(
            f"refusing to listen on {settings.host} without a key: run `forebay keys create NAME` "
            "or set FOREBAY_API_KEY_FILE",
            err=True,
        )
        sys.exit(_UNSAFE)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _has_keys(settings: Settings) -> bool:
    from datetime import UTC, datetime

    database = open_database(settings.state_dir / "forebay.db")
    try:
        return any(key.revoked_at is None for key in KeyStore(database, lambda: datetime.now(UTC)).all())
    finally:
        database.dispose()
