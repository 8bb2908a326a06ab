"""A process that opens projects of an older version, one after the other, to be killed while it does.

``work`` is called by a `killing.Nursery`: what it imports is loaded once for all kills.
"""

from __future__ import annotations

import time
from pathlib import Path

from killing import say
from napari_unet.project import Project


def work(*folders: str) -> None:
    """Open all, and wait for the end."""
    say(what="ready")
    for folder in folders:
        say(opening=folder)
        Project.open(Path(folder)).close()
    say(opening=None)
    while True:
        time.sleep(60)
