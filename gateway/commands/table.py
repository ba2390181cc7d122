"""Tables of the command line: names are never cut short, whoever reads them."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

_PIPE_WIDTH = 240


def show(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints to standard output. The first column is what is copied into the next command: it is kept on one line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, no_wrap=index == 0, overflow="fold")
    for row in rows:
        table.add_row(*row)
    screen = Console(highlight=False, markup=False)
    if not screen.is_terminal:  # a file or a pipe has no width
        screen = Console(highlight=False, markup=False, width=_PIPE_WIDTH)
    screen.print(table)
