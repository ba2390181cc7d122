"""``forebay check``: every profile, offline; exit 1 with ``file:line`` for each mistake.

What the vLLM of this machine does not know is a note: another machine may have another.
"""

import sys
from pathlib import Path

import click

from gateway.catalog.load import load
from gateway.commands.engines import environments_of, worded
from gateway.commands.unknown_names import unknown_names
from gateway.settings import Settings


@click.command()
@click.option("--profiles", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Folder of profiles.")
def check(profiles: Path | None) -> None:
    """Check every profile, offline. Exit code 1 when there is a mistake."""
    settings = Settings()
    root = profiles or settings.profiles_dir
    result = load(root)
    for problem in result.problems:
        click.echo(str(problem), err=True)
    if result.problems or result.catalog is None:
        click.echo(f"{len(result.problems)} problem(s) in {root}", err=True)
        sys.exit(1)
    for finding in unknown_names(environments_of(settings), result.catalog.profiles.values()):
        click.echo(worded(finding), err=True)
    click.echo(f"{len(result.catalog.profiles)} profiles are fine")
