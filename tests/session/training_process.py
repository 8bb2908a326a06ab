"""A process that paints while it trains and segments in other threads, to be killed at a random moment.

``work`` is called by a `killing.Nursery`. It says on standard output what it is going to do and when.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from killing import say
from napari_unet import workflow  # noqa: F401 (loaded here, so that forked processes need not)
from napari_unet.annotation.coding import LabelsAre
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.project import Project, image_entry
from napari_unet.session import SCRATCH, ImageSource, Session, Which
from napari_unet.session.described import describe_image
from napari_unet.session.keeping import Keeper
from napari_unet.session.restoring import read_kept, restore

SHAPE = (200, 260)
SIDE = 10
"""Every stroke is a square of its own."""
N_STROKES = (SHAPE[0] // SIDE) * (SHAPE[1] // SIDE)
SETTINGS = TrainingSettings(
    minutes=None, steps=3, width=4, depth=2, patch_size=32, batch_size=2, threads=1, device="cpu"
)


def square(number: int) -> tuple[int, int]:
    """Return where a stroke is, beginning with 0."""
    columns = SHAPE[1] // SIDE
    return number // columns * SIDE, number % columns * SIDE


def value_of(number: int) -> int:
    """Return what a stroke paints: background or an object."""
    return 1 if number % 2 else number + 2


def image() -> np.ndarray[Any, Any]:
    """Return squares of which every second one is bright."""
    pixels = np.random.default_rng(0).integers(0, 30, SHAPE).astype(np.uint8)
    for number in range(0, N_STROKES, 2):
        y, x = square(number)
        pixels[y : y + SIDE, x : x + SIDE] += 150
    return pixels


def begin(folder: Path) -> tuple[Session, Keeper]:
    """Open the project, or make it."""
    session = Session()
    session.set_image(ImageSource("squares", image()))
    if (folder / "project.json").exists():
        project = Project.open(folder)
        entry = project.image(project.images[0].id)
        restore(read_kept(project, entry), session)
        return session, Keeper(session, project, entry, written=True)
    session.annotating.start(LabelsAre.OBJECTS)
    assert session.image is not None
    project = Project.create(folder)
    entry = project.add_image(describe_image(session.image, (0,), None, folder))
    keeper = Keeper(session, project, entry)
    for number in range(40):
        session.record_stroke(
            Which.ANNOTATION, square(number), np.full((SIDE, SIDE), value_of(number), np.int32)
        )
    training = keeper.note_training(session.prepare_training(SCRATCH, SETTINGS), SCRATCH)
    session.finish_training(training, training.run(lambda report: None, lambda: False))
    return session, keeper


def work(folder: str, seed: str) -> None:
    """Go on until killed."""
    torch.set_num_threads(1)
    image_entry.CHECKPOINT_AFTER = 0.3  # many checkpoints, to be killed amidst one
    random = np.random.default_rng(int(seed))
    session, keeper = begin(Path(folder))
    assert keeper.project.flush(60)
    painted = 0 if session.annotation is None else int(np.count_nonzero(session.annotation[::SIDE, ::SIDE]))
    say(what="ready", painted=painted, rounds=len(session.rounds.all))
    with ThreadPoolExecutor(1) as threads:
        running: Future[Any] | None = None
        finish: Any = None
        while True:
            if painted < N_STROKES:
                say(what="paint", number=painted)
                session.record_stroke(
                    Which.ANNOTATION, square(painted), np.full((SIDE, SIDE), value_of(painted), np.int32)
                )
                painted += 1
            if running is not None and running.done():
                finish(running.result())
                running = None
            if running is None and painted > 30:
                running, finish = begin_something(session, keeper, threads, random)
            time.sleep(float(random.exponential(0.05)))


def begin_something(
    session: Session, keeper: Keeper, threads: ThreadPoolExecutor, random: np.random.Generator
) -> tuple[Future[Any], Any]:
    """Train or segment in a thread; return that, and what takes its result."""
    if session.rounds.all and random.random() < 0.5:
        task = session.prepare_segmentation()
        say(what="segment")
        return threads.submit(task.run, lambda *_: None, lambda: False), lambda result: (
            session.finish_segmentation(task, result),
            say(what="segmented"),
        )
    start = str(random.choice([SCRATCH, *[done.key for done in session.rounds.all]]))
    training = keeper.note_training(session.prepare_training(start, SETTINGS), start)
    say(what="train", start=start)
    return threads.submit(training.run, lambda report: None, lambda: False), lambda trained: (
        session.finish_training(training, trained),
        say(what="trained", number=len(session.rounds.all)),
    )
