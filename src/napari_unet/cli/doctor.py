"""``napari-unet doctor``: what a report of a problem should begin with."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def doctor() -> None:
    """Show versions, device, window system and speed."""
    from napari_unet.support.doctor import examine

    table = Table(box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, found in examine():
        table.add_row(name, found)
    Console().print(table)
