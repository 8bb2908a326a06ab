"""What is done in a session is in its project, and comes back as it was."""

import errno
import time
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import numpy as np
import pytest
from painted_rounds import a_round
from painting_process import SHAPE

from killing import run_and_kill
from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.annotation.regions import Region
from napari_unet.errors import UserError
from napari_unet.project import Project, image_entry
from napari_unet.session import ImageSource, Session, Which
from napari_unet.session.described import describe_image
from napari_unet.session.keeping import BEFORE, NOT_BEFORE, Keeper
from napari_unet.session.restoring import read_kept, restore

PROCESS = Path(__file__).with_name("painting_process.py")


def on_image(shape=SHAPE) -> Session:
    session = Session()
    session.set_image(ImageSource("cells", np.zeros(shape, np.uint8)))
    return session


def keep(session, folder) -> Keeper:
    project = Project.create(folder)
    described = describe_image(session.image, session.state.channels, None, folder)
    return Keeper(session, project, project.add_image(described))


def come_back(folder, shape=SHAPE):
    """Return a session and keeper that go on with what is kept."""
    session, project = on_image(shape), Project.open(folder)
    entry = project.image(project.images[0].id)
    restore(read_kept(project, entry), session)
    return session, Keeper(session, project, entry, written=True)


def end(keeper):
    keeper.close()
    keeper.project.close()


def paint(session, which, offset, value, size=9):
    lead = (1,) * (len(offset) - 2)
    return session.record_stroke(which, offset, np.full((*lead, size, size), value, np.int32))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "project"


def test_all_of_a_session_comes_back(folder):
    session = on_image((2, *SHAPE))
    session.annotating.start(LabelsAre.OBJECTS, ("cell", "debris"))
    paint(session, Which.ANNOTATION, (0, 5, 5), 2)
    keeper = keep(session, folder)
    paint(session, Which.ANNOTATION, (1, 50, 50), 3)
    paint(session, Which.ANNOTATION, (1, 90, 90), 4)
    session.undo()
    paint(session, Which.ANNOTATION, (1, 120, 90), 4)
    session.undo()
    session.redo()
    found = np.zeros(SHAPE, np.int32)
    found[200:240, 200:240] = 1
    session.segmenting.show((0,), found, "Segment")
    paint(session, Which.SEGMENTATION, (0, 210, 210), 0)
    session.accept((0,))
    session.annotating.set_regions([Region("rectangle", np.array([[0.0, 0], [30.5, 40]]), (1,))])
    session.annotating.set_class_names(["nucleus", "debris", "dust"])
    session.annotating.set_object_class(3, 2)
    session.annotating.mark_complete([3])
    session.set_object_size(33.0)
    for number in (1, 2):
        session.rounds.add(a_round(number))
        session.use_round(session.rounds.current)
    session.use_round(session.rounds.all[0])
    probabilities = np.random.default_rng(0).random((2, *SHAPE), np.float32)
    session.separating.stored.keep(
        (1,), SimpleNamespace(probabilities=probabilities, distance=None, scale=0.5, in_space=False), 28.0
    )
    session.separating.settings = session.separating.settings.model_copy(update={"threshold": 0.3})
    session.state_changed.emit()
    keeper.note("place", [1, 2.5])
    end(keeper)

    other, keeper = come_back(folder, (2, *SHAPE))
    for which in Which:
        np.testing.assert_array_equal(other.canvas.arrays[which], session.canvas.arrays[which])
    assert other.labels_are is LabelsAre.OBJECTS
    assert other.class_names == ("nucleus", "debris", "dust")
    assert [(r.kind, r.vertices.tolist(), r.plane) for r in other.regions] == [
        ("rectangle", [[0.0, 0.0], [30.5, 40.0]], (1,))
    ]
    assert other.painting.notes == session.painting.notes
    assert other.state.object_size_override == 33.0
    assert other.separating.settings == session.separating.settings
    assert [done.name for done in other.rounds.all] == ["Round 1", "Round 2"]
    assert other.current is other.rounds.all[0]
    back, was = other.rounds.all[1], session.rounds.all[1]
    assert (back.outcome.curves, back.held_out, back.started, back.sentences) == (
        was.outcome.curves,
        was.held_out,
        was.started,
        was.sentences,
    )
    weights = back.model.network.state_dict()
    assert all((weights[k] == v).all() for k, v in was.model.network.state_dict().items())
    stored = other.separating.stored.get((1,))
    np.testing.assert_array_equal(stored.probabilities, probabilities.astype(np.float16))
    assert (stored.scale, stored.typical_size) == (0.5, session.separating.stored.get((1,)).typical_size)
    assert keeper.entry.open().notes["place"] == [1, 2.5]
    said = [line["what"] for line in keeper.project.history()]
    assert said.count("Paint") == 7, "painted four times, undone twice, done again once"
    assert {"Accept", "Class", "Complete", "Round", "Use round", "New annotation"} <= set(said)
    other.set_object_size(37.0)
    assert keeper.project.flush()
    lines = [line for line in keeper.project.history() if line["what"] == "Set" and "object_size" in line]
    assert lines[-1]["object_size"] == 37.0

    paint(other, Which.ANNOTATION, (1, 250, 300), 9)
    other.rounds.add(a_round(other.rounds.next_number))
    other.use_round(other.current)
    end(keeper)
    last, keeper = come_back(folder, (2, *SHAPE))
    np.testing.assert_array_equal(last.annotation, other.annotation)
    assert [done.number for done in last.rounds.all] == [1, 2, 3]
    assert last.current.number == 3
    end(keeper)


def test_drawn_regions_are_steps_of_undo_and_lines_of_the_history(folder):
    def region(top):
        corners = np.array([(top, 2.0), (top + 9, 2), (top + 9, 9), (top, 9)])
        return Region("rectangle", corners, (0,) * (len(SHAPE) - 2))

    session, begun, moved, other = on_image(), region(2), region(3), region(20)
    session.annotating.start(LabelsAre.OBJECTS)
    keeper = keep(session, folder)
    for drawn in ((begun,), (moved,), (moved, other), (moved, other), ()):
        session.annotating.draw_regions(drawn)
    for left in ((moved, other), (moved,), ()):
        assert session.undo() == "Regions"
        assert session.regions == left
    session.redo()
    assert session.regions == (moved,)
    end(keeper)
    with Project.open(folder) as project:
        lines = [line["regions"] for line in project.history() if line["what"] == "Regions"]
    assert lines == [1, 1, 2, 0, 2, 1, 0, 1]


def test_a_new_annotation_takes_the_place_of_the_old_one_while_painting_goes_on(folder, monkeypatch):
    monkeypatch.setattr(image_entry, "CHECKPOINT_AFTER", 1000.0)
    session = on_image()
    session.annotating.start(LabelsAre.OBJECTS)
    keeper = keep(session, folder)
    paint(session, Which.ANNOTATION, (5, 5), 2)
    assert keeper.project.flush(60.0)
    before, said = session.annotation.copy(), []
    session.said.connect(lambda level, sentence: said.append(sentence))
    labels = np.zeros(SHAPE, np.uint8)
    labels[30:60, 30:60] = 1
    session.adopt_annotation(labels, Coding.MASKS, LabelsAre.CLASSES, ("wall",))
    for step in range(20):
        paint(session, Which.ANNOTATION, (100 + step, 100), 2)
    assert keeper.project.flush(60.0)
    keeper.keep_settings()
    end(keeper)
    assert said == [BEFORE]
    other, keeper = come_back(folder)
    np.testing.assert_array_equal(other.annotation, session.annotation)
    assert (other.labels_are, other.class_names) == (LabelsAre.CLASSES, ("wall",))
    other.annotating.start(LabelsAre.OBJECTS)  # nothing was painted since it was opened
    assert keeper.project.flush(60.0)
    end(keeper)
    kept = sorted((folder / "snapshots").iterdir(), key=lambda path: int(path.name.rpartition("-")[2]))
    for snapshot, painted, kind in zip(
        kept, (before, session.annotation), (LabelsAre.OBJECTS, LabelsAre.CLASSES), strict=True
    ):
        with Project.open(snapshot) as project:
            state = project.image(project.images[0].id).open()
        np.testing.assert_array_equal(state.arrays["annotation"], painted)
        assert state.notes["labels_are"] == kind


def test_an_annotation_that_could_not_be_kept_before_another_takes_its_place_is_said_so(folder, monkeypatch):
    session = on_image()
    session.annotating.start(LabelsAre.OBJECTS)
    keeper = keep(session, folder)
    paint(session, Which.ANNOTATION, (5, 5), 2)
    assert keeper.project.flush(60.0)
    said = []
    session.said.connect(lambda level, sentence: said.append((level, sentence)))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("napari_unet.project.copies.copy_project", full)
    session.annotating.start(LabelsAre.CLASSES, ("wall",))
    assert keeper.project.flush(60.0)
    keeper.keep_settings()
    end(keeper)
    assert said == [("warning", NOT_BEFORE)]


def test_what_was_found_before_going_on_is_kept_too(folder):
    session = on_image()
    session.annotating.start(LabelsAre.OBJECTS)
    end(keep(session, folder))
    other, project = on_image(), Project.open(folder)
    entry = project.image(project.images[0].id)
    restore(read_kept(project, entry), other)
    found = np.zeros(SHAPE, np.int32)
    found[20:60, 20:60] = 1
    other.segmenting.show((), found, "Segment")
    keeper = Keeper(other, project, entry, written=True)
    paint(other, Which.SEGMENTATION, (30, 30), 0)
    end(keeper)
    last, keeper = come_back(folder)
    for which in Which:
        np.testing.assert_array_equal(last.canvas.arrays[which], other.canvas.arrays[which])
    end(keeper)


def test_another_image_is_not_kept_in_the_place_of_the_first(folder):
    session = on_image()
    session.annotating.start(LabelsAre.OBJECTS)
    keeper = keep(session, folder)
    paint(session, Which.ANNOTATION, (5, 5), 2)
    was = session.annotation.copy()
    session.set_image(ImageSource("other", np.zeros((64, 64), np.uint8)))
    session.annotating.start(LabelsAre.CLASSES)
    session.set_image(ImageSource("third", np.zeros(SHAPE, np.uint8)))
    session.annotating.start(LabelsAre.CLASSES)
    paint(session, Which.ANNOTATION, (50, 50), 7)
    assert not keeper.is_of_now
    end(keeper)
    other, keeper = come_back(folder)
    np.testing.assert_array_equal(other.annotation, was)
    assert other.labels_are is LabelsAre.OBJECTS
    end(keeper)


def test_what_was_kept_is_not_put_on_an_image_of_another_shape(folder):
    session = on_image()
    session.annotating.start(LabelsAre.OBJECTS)
    end(keep(session, folder))
    with Project.open(folder) as project:
        kept = read_kept(project, project.image(project.images[0].id))
    with pytest.raises(UserError, match="300 × 400"):
        restore(kept, on_image((20, 20)))


def test_notes_that_somebody_changed_are_left_out(folder):
    session = on_image()
    session.annotating.start(LabelsAre.OBJECTS)
    keeper = keep(session, folder)
    for name in ("regions", "object_classes", "complete", "class_names", "object_size", "separation"):
        keeper.entry.note(name, [{"kind": "rectangle", "vertices": "here"}])
    keeper.entry.note("channels", [7])
    end(keeper)
    other, keeper = come_back(folder)
    assert (other.regions, other.painting.marked, other.state.object_size_override) == ((), frozenset(), None)
    end(keeper)


@pytest.mark.slow
def test_a_stroke_on_a_large_annotation_costs_its_thread_little(folder):
    shape = (8192, 8192)
    session = on_image(shape)
    session.annotating.start(LabelsAre.OBJECTS)
    keeper = keep(session, folder)
    assert keeper.project.flush(60)
    took = []
    session.canvas.edited.connect(lambda *_: took.append(-time.perf_counter()))
    session.canvas.history_changed.connect(lambda: took.append(took.pop() + time.perf_counter()))
    for step in range(30):
        paint(session, Which.ANNOTATION, (200 * step, 200 * step), step + 2, size=512)
        assert keeper.project.flush(60)
    print(f"\nkeeping a stroke of 512² costs the caller {1e3 * median(took):.2f} ms")
    assert median(took) < 0.005
    end(keeper)


# ---- killed ------------------------------------------------------------------------------------------------


def states_after(session: Session, steps: list[dict]):
    """Yield what the annotation was after each step, the beginning first."""
    yield session.annotation.copy()
    for step in steps:
        if step["what"] == "paint":
            paint(session, Which.ANNOTATION, step["offset"], step["number"], size=50)
        elif step["what"] in ("undo", "redo"):
            getattr(session, step["what"])()
        yield session.annotation.copy()


@pytest.mark.slow
def test_strokes_older_than_a_second_survive_a_kill(folder):
    before = np.zeros(SHAPE, np.int32)
    for seed in range(3):
        said, killed = run_and_kill(PROCESS, folder, seed, seed=seed, seconds=(1.2, 2.0))
        steps = [s for s in said if "number" in s]
        old = sum(s["time"] < killed - 1 for s in steps)
        assert old > 0
        session = on_image()
        session.annotating.adopt(before, Coding.PROJECT, LabelsAre.OBJECTS)
        possible = list(states_after(session, steps))
        back, keeper = come_back(folder)
        assert any(np.array_equal(back.annotation, state) for state in possible[old:])
        before = back.annotation.copy()
        end(keeper)
