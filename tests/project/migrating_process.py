"""A process that opens projects of an older version, one after the other, to be killed while it does.

Run as ``python migrating_process.py FOLDER...``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from killing import say
from napari_unet.project import Project

if __name__ == "__main__":
    for folder in sys.argv[1:]:
        say(opening=folder)
        Project.open(Path(folder)).close()
    say(opening=None)
