"""The status of the system as people read it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from deployment.status_row import StatusRow


def status_view(rows: Sequence[StatusRow]) -> Table:
    """Returns the rows as one table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("what", "name", "state"):
        table.add_column(heading, no_wrap=True)
    table.add_column("detail", overflow="fold")
    for row in rows:
        state = Text(row.state, "green" if row.well else "bold red")
        table.add_row(row.kind, Text(row.name), state, Text(row.detail))
    return table
