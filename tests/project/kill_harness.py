"""A process that paints, replaces arrays, adds rounds and saves, to be killed at a random moment.

Run as ``python kill_harness.py FOLDER SEED [rounds]``. Before everything it does it says on standard output what and
when, so that the parent knows what must be there: that survives a SIGKILL, as the pipe is not the process's.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from killing import say
from napari_unet.objects.changes import Change
from napari_unet.project import ImageDescription, Project, image_entry
from napari_unet.project.revisions import Beginning, KeptAnnotation, KeptPlane, Revision
from tiny_models import a_model, a_round

SHAPE = (2, 1100, 900)


def a_revision(image_id: str) -> Revision:
    """Return what a round was trained on."""
    plane = KeptPlane(name="cells 0", plane=(0,), shape=SHAPE[1:])
    return Revision(
        started="2026-01-01",
        labels_are="objects",
        settings={},
        start=Beginning(kind="scratch"),
        images=(KeptAnnotation(image=image_id, planes=(plane,)),),
    )


def work(folder: Path, seed: int, rounds: bool) -> None:
    """Paint until killed."""
    image_entry.CHECKPOINT_AFTER = 0.3  # many checkpoints, to be killed amidst one
    random = np.random.default_rng(seed)
    if (folder / "project.json").exists():
        project = Project.open(folder)
        entry = project.image(project.images[0].id)
        entry.open()
    else:
        project = Project.create(folder)
        entry = project.add_image(ImageDescription(name="cells", axes="ZYX", shape=SHAPE, dtype="uint8"))
        for which in ("annotation", "segmentation"):
            entry.replace_array(which)
    model = a_model() if rounds else None
    kinds = ["stroke"] * 12 + ["note", "replace", "log", "saved", "snapshot"] + ["round"] * rounds
    project.flush(60)
    say(what="ready")
    for number in range(1, 10_000):
        kind = random.choice(kinds)
        offset = [int(random.integers(0, n - 5)) for n in SHAPE[1:]]
        shape = [int(random.integers(1, min(n - o, 300) + 1)) for n, o in zip(SHAPE[1:], offset, strict=True)]
        box = [int(random.integers(2)), *offset], [1, *shape]
        which = str(random.choice(["annotation", "segmentation"]))
        say(what=str(kind), number=number, which=which, offset=box[0], shape=box[1])
        if kind == "stroke":
            new = np.full(box[1], number, np.int32)
            entry.record([(which, Change(tuple(box[0]), np.zeros_like(new), new))])
        elif kind == "note":
            entry.note("number", number)
        elif kind == "replace":
            array = np.zeros(SHAPE, np.int32)
            array[tuple(slice(o, o + n) for o, n in zip(*box, strict=True))] = number
            entry.replace_array(which, array, owned=True)
        elif kind == "round" and model is not None:
            labels = np.full(SHAPE[1:], number, np.int32)
            project.revisions.keep(a_revision(entry.id), [(labels, labels[np.newaxis])], lambda: "")
            project.add_round(lambda: model, a_round(project.rounds.next_number))
        elif kind == "log":
            project.log("step", number=number)
        elif kind == "snapshot" and number % 5 == 0:
            project.snapshot(f"at {number}")
        elif kind == "saved" and project.flush(60):
            say(what="is saved", number=number)
        time.sleep(float(random.exponential(0.02)))


if __name__ == "__main__":
    work(Path(sys.argv[1]), int(sys.argv[2]), "rounds" in sys.argv[3:])
