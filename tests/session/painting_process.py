"""A process that paints through a session that is kept, to be killed at a random moment.

Run as ``python painting_process.py FOLDER SEED``. It says on standard output what it is going to do and when.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from killing import say
from napari_unet.annotation.coding import LabelsAre
from napari_unet.project import Project
from napari_unet.session import ImageSource, Session, Which
from napari_unet.session.described import describe_image
from napari_unet.session.keeping import Keeper
from napari_unet.session.restoring import read_kept, restore

SHAPE = (300, 400)


def work(folder: Path, seed: int) -> None:
    """Paint until killed."""
    random = np.random.default_rng(seed)
    session = Session()
    session.set_image(ImageSource("cells", np.zeros(SHAPE, np.uint8)))
    if (folder / "project.json").exists():
        project = Project.open(folder)
        entry = project.image(project.images[0].id)
        restore(read_kept(project, entry), session)
        keeper = Keeper(session, project, entry, written=True)
    else:
        session.annotating.start(LabelsAre.OBJECTS)
        project = Project.create(folder)
        assert session.image is not None
        entry = project.add_image(describe_image(session.image, (0,), None, folder))
        keeper = Keeper(session, project, entry)
    assert project.flush(60)
    say(what="ready")
    for number in range(2, 100_000):
        kind = str(random.choice(["paint", "paint", "paint", "undo", "redo", "size"]))
        offset = [int(random.integers(0, n - 50)) for n in SHAPE]
        say(what=kind, number=number, offset=offset)
        if kind == "paint":
            session.record_stroke(Which.ANNOTATION, offset, np.full((50, 50), number, np.int32))
        elif kind == "undo":
            session.undo()
        elif kind == "redo":
            session.redo()
        else:
            session.set_object_size(float(number))
        assert keeper.is_of_now
        time.sleep(float(random.exponential(0.02)))


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]))
