"""``forebay image PROMPT -o FILE``: one picture from a running gateway, with a bar while it is made."""

import base64
import binascii
from pathlib import Path
from typing import Literal

import click
import msgspec
from msgspec import Struct

from gateway.commands.client import events
from gateway.commands.steps import making_bar
from gateway.settings import Settings

_FORMATS: dict[str, Literal["png", "jpeg", "webp"]] = {
    ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp",
}  # fmt: skip


class _Said(Struct, kw_only=True):
    """Of an event of the stream, what is shown or kept."""

    type: str = ""
    percent: float = 0.0
    position: int | None = None
    wait_seconds: float | None = None
    b64_json: str = ""
    seed: int | None = None


@click.command()
@click.argument("prompt")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write.")
@click.option("--model", help="Default: the best one that is here.")
@click.option("--size", help="WIDTHxHEIGHT; default: the model's own.")
@click.option("--steps", type=int, help="Default: the model's own.")
@click.option("--seed", type=int, help="The same seed makes the same picture.")
@click.option("--negative-prompt", help="What it must not show.")
def image(
    prompt: str,
    output: Path,
    model: str | None,
    size: str | None,
    steps: int | None,
    seed: int | None,
    negative_prompt: str | None,
) -> None:
    """Make one picture of PROMPT."""
    form = _FORMATS.get(output.suffix.lower())
    if form is None:
        raise click.BadParameter(f"the name ends in one of {', '.join(_FORMATS)}", param_hint="--output")
    wanted = {
        "prompt": prompt, "model": model, "size": size, "steps": steps, "seed": seed,
        "negative_prompt": negative_prompt, "output_format": form, "stream": True,
    }  # fmt: skip
    body = msgspec.json.encode({name: value for name, value in wanted.items() if value is not None})
    with making_bar() as bar:
        task = bar.add_task("waiting", total=100.0)
        for said in events(Settings(), "POST", "/v1/images/generations", _Said, body):
            if said.type.endswith(".completed"):
                _write(output, said.b64_json)
                break
            if said.position is not None:
                bar.update(task, description=f"{said.position} before it, about {said.wait_seconds or 0:.0f} s")
            elif said.percent:
                bar.update(task, description="making", completed=said.percent)
        else:
            raise click.ClickException("the gateway ended before the picture was finished")
    click.echo(f"{output}" + ("" if said.seed is None else f" (seed {said.seed})"))


def _write(output: Path, encoded: str) -> None:
    try:
        output.write_bytes(base64.b64decode(encoded, validate=True))
    except (OSError, binascii.Error) as error:
        raise click.ClickException(f"{output} cannot be written: {error}") from None
