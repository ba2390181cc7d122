"""``forebay agent claude|codex|opencode MODEL``: what an agent has to be told, or the agent itself, told so.

Its file goes into a folder of the state directory, never among the user's own settings of that agent.
"""

import os
import shutil
from pathlib import Path
from urllib.parse import quote

import click
from msgspec import Struct, structs

from gateway.catalog.listing import ModelListing
from gateway.commands.agents.agent import AGENTS
from gateway.commands.agents.script import script
from gateway.commands.agents.served import served
from gateway.commands.agents.setup import Setup
from gateway.commands.client import ask
from gateway.settings import Settings

_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where who listens everywhere is found


class _Found(Struct):
    """Of an entry of ``/v1/models``, what matters here."""

    forebay: ModelListing


@click.command()
@click.argument("agent", type=click.Choice(tuple(AGENTS)))
@click.argument("model")
@click.option("--run", is_flag=True, help="Start it, instead of printing how.")
@click.option("--force", is_flag=True, help="Go on although the model's context is too small for it.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def agent(agent: str, model: str, run: bool, force: bool, arguments: tuple[str, ...]) -> None:
    """Print what AGENT (claude, codex or opencode) has to be told to work with MODEL, ready to paste.

    With --run, start it; what stands behind `--` is for the agent: forebay agent codex MODEL --run -- exec "say hi".
    """
    settings = Settings()
    found = ask(settings, "GET", f"/v1/models/{quote(model, safe='')}", _Found).forebay
    chosen = AGENTS[agent]
    known = served(model, found, _address(settings))
    if not force:
        chosen.check(known)
    setup = chosen.setup(known, settings.state_dir / "agents" / agent)
    setup = structs.replace(setup, argv=(*setup.argv, *arguments))
    if run:
        _become(setup, settings.presented_key())
    heading = f"{chosen.title} with {model}: {known.context} tokens of context, answers of {known.output}"
    click.echo(script(setup, heading, None if settings.api_key else settings.api_key_file), nl=False)


def _address(settings: Settings) -> str:
    host = _ANY.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _become(setup: Setup, key: str | None) -> None:
    """Replaces this process by the agent."""
    program = shutil.which(setup.argv[0])
    if program is None:
        raise click.ClickException(f"{setup.argv[0]} is not installed, or not on the PATH")
    if setup.file is not None:
        _write(setup.file, setup.text)
    os.execve(program, setup.argv, setup.whole(os.environ, key))  # noqa: S606 - the program that was asked for


def _write(file: Path, text: str) -> None:
    """Whole or not at all: another one of its kind may be reading it."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh.write_text(text, "utf-8")
        fresh.replace(file)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from None
