"""Rounds that were trained by the clock come out the same when they are done again, or it is said what differs."""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.callbacks import never_stop
from napari_unet.network import budget
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.project import Project
from napari_unet.session import SCRATCH, ImageSource, Session, Which
from napari_unet.session.companions import Companions
from napari_unet.session.described import describe_image
from napari_unet.session.keeping import Keeper
from napari_unet.session.replaying import Replay, Replayed
from napari_unet.session.restoring import read_kept, restore
from napari_unet.synthetic.cells import touching_cells

SMALL = TrainingSettings(
    minutes=1.5 / 60,
    width=4,
    depth=2,
    patch_size=32,
    batch_size=2,
    threads=1,
    device="cpu",
    precision="float32",
)


def train(session: Session, keeper: Keeper, start: str, settings: TrainingSettings = SMALL) -> None:
    task = keeper.note_training(session.prepare_training(start, settings), start)
    session.finish_training(task, task.run(lambda report: None, never_stop))


def replay(folder: Path, number: int) -> Replayed:
    return Replay(folder).run(number, lambda report: None, never_stop)


@pytest.fixture(scope="module")
def _a_clock_that_nobody_can_repeat() -> Iterator[None]:
    """Time goes on by another amount at each look, however busy the machine is."""
    now, random = [0.0], np.random.default_rng()

    def monotonic() -> float:
        now[0] += float(random.uniform(0.0, 0.02))
        return now[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(budget, "time", SimpleNamespace(monotonic=monotonic))
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory, _a_clock_that_nobody_can_repeat) -> Path:
    """A project of two rounds, the second one from the first, with more annotated by then."""
    folder = tmp_path_factory.mktemp("trained")
    image, truth = touching_cells((160, 192), diameter=18, seed=1)
    tifffile.imwrite(folder / "cells.tif", image)
    session = Session()
    session.set_image(ImageSource("cells", image))
    labels = np.where(truth > 0, truth + 1, 1)
    first = np.where(np.arange(192) < 150, labels, 0)
    session.adopt_annotation(first, Coding.PROJECT, LabelsAre.OBJECTS)
    project = Project.create(folder / "project")
    described = describe_image(session.image, (0,), folder / "cells.tif", project.folder)
    keeper = Keeper(session, project, project.add_image(described))
    train(session, keeper, SCRATCH)
    session.record_stroke(Which.ANNOTATION, (0, 150), labels[:, 150:].astype(np.int32))
    train(session, keeper, session.current.key)
    keeper.close()
    project.close()
    return folder


def copy_of(trained: Path, tmp_path: Path) -> Path:
    with Project.open(trained / "project") as project:
        project.export_copy(tmp_path / "project")
    return tmp_path / "project"


@pytest.mark.parametrize("number", [1, 2])
def test_the_same_weights_come_out_of_the_clocks_rounds(trained, number):
    kept = Replay(trained / "project").kept(number).document
    assert kept.outcome.held_out, "held-out scores, whose times the clock decides, belong to the test"
    done = replay(trained / "project", number)
    assert done.same, done.sentence
    assert "bit for bit" in done.sentence
    assert f"after {kept.outcome.steps} steps, those of step {kept.outcome.best_step} kept" in done.sentence
    assert "the same loss in every step" in done.sentence


def test_a_round_that_was_stopped_and_kept_what_it_started_from(trained, tmp_path):
    """Its steps are compared, too, by their loss."""
    folder = copy_of(trained, tmp_path)
    session, project = Session(), Project.open(folder)
    entry = project.image(project.images[0].id)
    session.set_image(ImageSource("cells", tifffile.imread(trained / "cells.tif")))
    restore(read_kept(project, entry), session)
    keeper = Keeper(session, project, entry, written=True)
    reports: list = []
    task = session.prepare_training(
        session.current.key, SMALL.model_copy(update={"learning_rate": 0.5, "minutes": None})
    )
    task = keeper.note_training(task, session.current.key)
    session.finish_training(task, task.run(reports.append, lambda: any(r.step > 3 for r in reports)))
    keeper.close()
    project.close()
    kept = Replay(folder).kept(3).document
    assert kept.outcome.stopped
    done = replay(folder, 3)
    assert done.same, done.sentence
    assert f"after {kept.outcome.steps} step" in done.sentence


@pytest.mark.usefixtures("_a_clock_that_nobody_can_repeat")
def test_a_round_of_several_images(tmp_path):
    """Each under its id, those that were read when the training began, too."""
    project = Project.create(tmp_path / "project")
    for seed, name in enumerate(("a", "b")):
        image, truth = touching_cells((96, 128), diameter=18, seed=seed)
        tifffile.imwrite(tmp_path / f"{name}.tif", image)
        session = Session()
        session.set_image(ImageSource(name, image))
        labels = np.where(truth > 0, truth + 1, 1)
        session.adopt_annotation(labels, Coding.PROJECT, LabelsAre.OBJECTS)
        described = describe_image(session.image, (0,), tmp_path / f"{name}.tif", project.folder)
        keeper = Keeper(session, project, project.add_image(described))
        if name == "a":
            keeper.close()
    assert project.flush(30)
    task = session.prepare_training(SCRATCH, SMALL, Companions.of(keeper))
    task = keeper.note_training(task, SCRATCH)
    session.finish_training(task, task.run(lambda report: None, never_stop))
    keeper.close()
    project.close()
    revision = Replay(tmp_path / "project").revision(1)
    assert [of.image for of in revision.images] == [image.id for image in project.images]
    done = replay(tmp_path / "project", 1)
    assert done.same, done.sentence


def test_copies_carry_it_along_and_later_revisions_share_what_did_not_change(trained, tmp_path):
    with Project.open(trained / "project") as project:
        project.export_copy(tmp_path / "copy")
    (tmp_path / "cells.tif").write_bytes((trained / "cells.tif").read_bytes())
    again = Replay(tmp_path / "copy")
    assert again.numbers == [1, 2]
    tiles = [t for n in (1, 2) for i in again.revision(n).images for p in i.planes for t in p.tiles]
    assert len(list((tmp_path / "copy" / "revisions" / "tiles").iterdir())) == len({*tiles})
    assert again.revision(2).start.round == 1


def test_an_annotation_that_was_changed_is_said(trained, tmp_path):
    folder = copy_of(trained, tmp_path)
    (plane,) = Replay(folder).revision(1).images[0].planes
    tile = folder / "revisions" / "tiles" / plane.tiles[0][2]
    content = np.frombuffer(zlib.decompress(tile.read_bytes()), "<i4").copy()
    content[0] += 1
    tile.write_bytes(zlib.compress(content.tobytes()))
    done = replay(folder, 1)
    assert not done.same
    assert (
        "cannot be done again: The annotation of “cells” that it was trained on is not what was kept"
        in done.sentence
    )
    tile.unlink()
    assert "is missing or was changed" in replay(folder, 1).sentence


def test_an_image_that_was_changed_is_said(trained, tmp_path):
    folder = copy_of(trained, tmp_path)
    image = tifffile.imread(trained / "cells.tif")
    image[0, 0] += 1
    tifffile.imwrite(tmp_path / "cells.tif", image)
    description = folder / "images" / Replay(folder).revision(1).images[0].image / "image.json"
    text = description.read_text().replace(str(trained / "cells.tif"), str(tmp_path / "cells.tif"))
    description.write_text(re.sub(r'"relative": "[^"]*"', '"relative": ""', text))
    assert "was changed since “cells” was annotated" in replay(folder, 1).sentence
    with Project.open(folder) as project:
        entry = project.image(project.images[0].id)
        entry.relocate(tmp_path / "cells.tif")
    assert "its pixels are not those that it was trained on" in replay(folder, 1).sentence


def test_what_differs_is_said(trained, tmp_path, monkeypatch):
    folder = copy_of(trained, tmp_path)
    (tmp_path / "cells.tif").write_bytes((trained / "cells.tif").read_bytes())
    document = folder / "rounds" / "0001.json"
    kept = Replay(folder).kept(1).document
    rates = kept.outcome.learning_rate
    document.write_text(
        kept.model_copy(
            update={"outcome": kept.outcome.model_copy(update={"learning_rate": (2 * rates[0], *rates[1:])})}
        ).model_dump_json()
    )
    monkeypatch.setattr("napari_unet.session.replaying.machine", lambda: {"processor": "another"})
    done = replay(folder, 1)
    assert not done.same
    assert "tensors differ, by up to" in done.sentence
    assert "the loss from step 2 on" in done.sentence
    assert "processor another instead of" in done.sentence


def test_a_start_that_was_changed_is_said(trained, tmp_path):
    folder = copy_of(trained, tmp_path)
    (folder / "rounds" / "0001.safetensors").write_bytes(
        (folder / "rounds" / "0002.safetensors").read_bytes()
    )
    assert "Round 1 is not the network that it started from any more" in replay(folder, 2).sentence


def test_a_round_of_which_nothing_was_kept_is_said(trained, tmp_path):
    folder = copy_of(trained, tmp_path)
    for path in (folder / "revisions").glob("*.json"):
        path.unlink()
    assert "The annotation that it was trained on was not kept" in replay(folder, 1).sentence
