"""``python -m gateway`` is ``forebay``."""

from gateway.cli import main

main(prog_name="forebay")
