"""Classes and completeness of objects: said, undone, learned from."""

import numpy as np
import pytest

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.weight_map import WeightMapSettings
from napari_unet.errors import UserError
from napari_unet.session import ImageSource, Session, Which


@pytest.fixture
def session() -> Session:
    """Two objects, nothing around them, on a session that knows two classes."""
    made = Session()
    made.set_image(ImageSource("cells", np.zeros((60, 60), np.float32)))
    made.annotating.start(LabelsAre.OBJECTS, ["living", "dead"])
    for value, y in ((2, 5), (3, 35)):
        made.record_stroke(Which.ANNOTATION, (y, 5), np.full((20, 20), value))
    return made


def test_an_object_that_is_said_to_be_complete_is_and_undo_takes_it_back(session):
    assert not session.painting.completeness((), 2).complete
    session.annotating.mark_complete([2])
    assert session.painting.completeness((), 2).complete
    assert not session.painting.completeness((), 3).complete
    assert session.undo() == "Complete"
    assert not session.painting.completeness((), 2).complete
    assert session.redo() == "Complete"
    assert session.painting.completeness((), 2).complete
    session.annotating.mark_complete([2], complete=False)
    assert not session.painting.completeness((), 2).complete
    assert session.undo() == "Not complete"
    assert session.painting.marked == {2}
    assert (session.annotation > 0).sum() == 800, "no pixel changed"


def test_sizes_are_measured_on_what_is_said_to_be_complete(session):
    assert session.object_size()[1] == "assumed"
    session.annotating.mark_complete([2, 3])
    size, origin = session.object_size()
    assert (round(size, 1), origin) == (22.6, "measured")
    session.undo()
    assert session.object_size()[1] == "assumed"


def test_classes_of_objects_are_one_undo_step_each(session):
    session.annotating.set_object_class(3, 2)
    session.annotating.set_object_class(2, 1)
    session.annotating.set_object_class(3, 1)
    assert session.painting.object_classes == {3: 1, 2: 1}
    for left in ({3: 2, 2: 1}, {3: 2}, {}):
        assert session.undo() == "Class"
        assert session.painting.object_classes == left
    assert session.redo() == "Class"
    assert session.painting.object_classes == {3: 2}


def test_saying_it_again_is_no_step(session):
    session.annotating.set_object_class(3, 2)
    session.annotating.set_object_class(3, 2)
    session.annotating.mark_complete([3], complete=False)
    assert session.undo() == "Class"
    assert session.undo() == "Paint"


def test_a_class_that_no_target_can_hold_is_refused(session):
    for number in (0, 256):
        with pytest.raises(UserError, match="from 1 to 255"):
            session.annotating.set_object_class(2, number)


def test_training_and_weight_map_know_what_was_said(session):
    session.record_stroke(Which.ANNOTATION, (0, 40), np.ones((10, 10)))
    session.annotating.set_object_class(3, 2)
    session.annotating.mark_complete([3])
    (image,) = session.prepare_training("scratch", None).images
    assert image.object_classes == {3: 2}
    assert image.marked == {3}
    task = session.prepare_weight_map((), WeightMapSettings())
    session.undo()
    assert task.marked == {3}, "a snapshot does not follow"


def test_a_complete_object_is_no_problem_any_more(session):
    assert "only_scribbles" in [problem.kind for problem in session.problems(())]
    session.annotating.mark_complete([2, 3])
    assert "only_scribbles" not in [problem.kind for problem in session.problems(())]


def test_notes_end_with_their_annotation(session):
    session.annotating.mark_complete([2])
    session.annotating.start(LabelsAre.OBJECTS)
    assert session.undo() is None
    assert session.painting.marked == frozenset()


def test_classes_are_added_named_removed_and_every_step_is_undone(session):
    session.annotating.set_object_class(3, 2)
    session.annotating.set_class_names(["living", "dead", "dividing"])
    session.annotating.set_object_class(2, 3)
    session.annotating.set_class_names(["living", "dying", "dividing"])
    session.annotating.remove_class(2)
    assert session.class_names == ("living", "dividing")
    assert session.painting.object_classes == {2: 2}, "what had the class has none; later classes move up"
    session.annotating.remove_class(1)
    assert session.class_names == ()
    assert session.painting.object_classes == {}, "one class alone tells nothing apart"
    undone = [session.undo() for _ in range(6)]
    assert undone == [
        "Remove a class", "Remove a class", "Name a class", "Class", "Add a class", "Class",
    ]  # fmt: skip
    assert session.class_names == ("living", "dead")
    for _ in range(5):
        session.redo()
    assert session.painting.object_classes == {2: 2}


def test_classes_that_are_painted_stay(session):
    session.annotating.start(LabelsAre.CLASSES, ["a", "b"])
    with pytest.raises(UserError, match="can't be removed"):
        session.annotating.remove_class(1)


def test_the_table_has_the_class_of_every_object(session, tmp_path):
    import csv
    from types import SimpleNamespace

    session.annotating.set_object_class(3, 2)
    found = np.zeros((60, 60), np.int32)
    found[5:25, 35:55] = 9  # not annotated: what the network says
    session.segmenting.show((), found, "Segment")
    likely = np.zeros((3, 60, 60), np.float32)
    likely[2, :, 30:] = 1
    likely[1, :, :30] = 1
    session.separating.stored.keep(
        (), SimpleNamespace(probabilities=likely, distance=None, scale=1.0, in_space=False), 28.0
    )
    session.save_table(tmp_path / "objects.csv")
    with open(tmp_path / "objects.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    classes = {(float(line["centroid-y"]), float(line["centroid-x"])): line["class"] for line in lines}
    assert classes == {(14.5, 14.5): "living", (44.5, 14.5): "dead", (14.5, 44.5): "dead"}
    session.annotating.remove_class(1)
    session.save_table(tmp_path / "objects.csv")
    assert "class" not in (tmp_path / "objects.csv").read_text().splitlines()[0].split(",")
