"""The ``forebay`` command: the list of commands, and failures in words. Each lives in its own file of ``commands``.

Commands are imported when they are asked for, so that ``forebay --help`` is quick.
"""

import importlib
from typing import TYPE_CHECKING, cast

import click

from backends.errors import BackendError
from gateway import __version__

if TYPE_CHECKING:
    from pydantic import ValidationError

_COMMANDS = {
    "serve": ("gateway.commands.serve", "serve", "Serve the gateway."),
    "check": ("gateway.commands.check", "check", "Check every profile, offline."),
    "models": ("gateway.commands.models", "models", "List the models of the catalog."),
    "pull": ("gateway.commands.pull", "pull", "Fetch and verify a model's weights."),
    "ps": ("gateway.commands.ps", "ps", "Show what a running gateway has in memory."),
    "explain": ("gateway.commands.explain", "explain", "Say which variant would be served, and why."),
    "doctor": ("gateway.commands.doctor", "doctor", "Look at this machine: devices, engines, disk, what fits."),
    "simulate": (
        "gateway.commands.simulate",
        "simulate_command",
        "Say what a machine would do with a trace of requests.",
    ),
    "engines": ("gateway.commands.engines", "engines", "List, install and check engines."),
    "image": ("gateway.commands.image", "image", "Make a picture with a running gateway."),
    "video": ("gateway.commands.video", "video", "Make a clip with a running gateway."),
    "agent": ("gateway.commands.agent", "agent", "Set up or start Claude Code, Codex or opencode."),
    "worker": ("gateway.commands.worker", "worker", "Try programs that speak the worker protocol."),
    "keys": ("gateway.commands.keys", "keys", "Create, list, change and revoke API keys."),
    "spend": ("gateway.commands.spend", "spend", "Say who spent what on cloud providers."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = _COMMANDS.get(cmd_name)
        if found is None:
            return None
        module, name, _ = found
        return cast("click.Command", getattr(importlib.import_module(module), name))

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ValueError as error:  # wrong settings: pydantic's error is one, and importing pydantic takes a while
            from pydantic import ValidationError

            if not isinstance(error, ValidationError):
                raise
            raise _in_words(error) from None
        except BackendError as error:
            raise _in_words(error) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])


def _in_words(error: "BackendError | ValidationError") -> click.ClickException:
    from gateway.commands.failures import in_words

    return in_words(error)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="forebay")
def main() -> None:
    """Forebay: an OpenAI-compatible inference gateway for your own machine.

    Settings come from the environment (FOREBAY_*); `forebay serve` listens on 127.0.0.1:8000.
    """
