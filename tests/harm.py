"""What must not happen: a pickle that does something when it is read."""

import os
from pathlib import Path


class Harm:
    """Pickled, it makes a folder at `place` when it is read."""

    def __init__(self, place: Path) -> None:
        self.place = str(place)

    def __reduce__(self):
        return os.mkdir, (self.place,)
