"""What an operator reads when a command fails: sentences, never a traceback. Every command's last resort."""

import click
from pydantic import ValidationError

from backends.errors import BackendError


def in_words(error: BackendError | ValidationError) -> click.ClickException:
    """The error of a command (exit code 1). ``private`` is shown too: who runs a command owns the machine."""
    if isinstance(error, BackendError):
        return click.ClickException(f"{error.detail}\n{error.private}".rstrip())
    lines = [f"FOREBAY_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors(include_input=False)]
    return click.ClickException("settings: " + "; ".join(lines))
