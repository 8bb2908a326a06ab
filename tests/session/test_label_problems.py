"""Problems that a session tells of and that are not slips of the brush: classes, sizes, regions; fixes are undone."""

import numpy as np
import pytest

from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.annotation.regions import Region
from napari_unet.session import ImageSource, Session


def begun(labels, labels_are=LabelsAre.OBJECTS, names=(), image=None) -> Session:
    session = Session()
    session.set_image(ImageSource("cells", np.zeros(labels.shape, np.float32) if image is None else image))
    session.adopt_annotation(labels, Coding.PROJECT, labels_are, names)
    return session


@pytest.fixture
def squares():
    """Three objects of 20 px on background."""
    labels = np.ones((90, 100), np.int32)
    for k in range(3):
        labels[10:30, 5 + 30 * k : 25 + 30 * k] = 2 + k
    return labels


def problem_of(session, kind, plane=()):
    (problem,) = [problem for problem in session.problems(plane) if problem.kind == kind]
    return problem


def test_a_class_of_objects_that_nothing_has_is_removed(squares):
    session = begun(squares)
    session.annotating.set_class_names(["alive", "dead", "dividing"])
    session.annotating.set_object_class(3, 3)
    problem = problem_of(session, "class_unused")
    assert "“dead”" in problem.sentence
    assert session.annotating.fix((), problem) == "Remove a class"
    assert session.class_names == ("alive", "dividing")
    assert session.painting.object_classes == {3: 2}
    assert session.undo() == "Remove a class"
    assert session.class_names == ("alive", "dead", "dividing")
    assert session.painting.object_classes == {3: 3}


def test_of_painted_classes_only_the_last_one_can_go(squares):
    session = begun(np.minimum(squares, 2), LabelsAre.CLASSES, ("cell", "debris"))
    assert session.annotating.fix((), problem_of(session, "class_unused")) == "Remove a class"
    assert session.class_names == ("cell",)
    session = begun(np.where(squares > 1, 3, 1).astype(np.int32), LabelsAre.CLASSES, ("debris", "cell"))
    assert session.annotating.fix((), problem_of(session, "class_unused")) is None


def test_a_size_that_does_not_fit_what_is_painted_is_measured_again_and_undone(squares):
    session = begun(squares)
    assert session.object_size()[0] == pytest.approx(22.6, abs=0.1)
    assert "scale" not in [problem.kind for problem in session.problems(())]
    session.set_object_size(60)
    problem = problem_of(session, "scale")
    assert "too small" in problem.sentence
    assert session.annotating.fix((), problem) == "Object size"
    assert session.object_size()[1] == "measured"
    assert session.undo() == "Object size"
    assert session.object_size() == (60, "set by you")
    assert session.redo() == "Object size"
    assert session.object_size()[1] == "measured"
    assert session.annotating.fix((), problem) is None


@pytest.mark.parametrize("plane", [(), (1,)])
def test_a_look_alike_in_a_region_becomes_an_object(squares, plane):
    painted = np.where(squares == 1, 0, squares).astype(np.int32)
    painted[squares == 4] = 0
    image = np.where(squares > 1, 50.0, 5.0) + np.random.default_rng(1).normal(0, 1, squares.shape)
    if plane:
        painted, image = np.stack([painted * 0, painted]), np.stack([image * 0, image])
    session = begun(painted, image=image)
    corners = np.array([[0, 0], [0, 99], [60, 99], [60, 0]], float)
    session.annotating.set_regions([Region("rectangle", corners, plane)])
    problem = problem_of(session, "look_alike", plane)
    assert session.annotating.fix(plane, problem) == "Add object"
    assert (session.annotation[plane][12:28, 67:83] == 4).all()
    session.undo()
    np.testing.assert_array_equal(session.annotation, painted)


def test_two_in_one_go_by_their_class(squares):
    labels = squares.copy()
    y, x = np.ogrid[:90, :100]
    for column in (30, 46):
        labels[(y - 65) ** 2 + (x - column) ** 2 <= 81] = 9
    session = begun(labels)
    session.annotating.set_class_names(["alive", "dead"])
    session.annotating.set_object_class(9, 2)
    assert session.annotating.fix((), problem_of(session, "two_touching")) == "Split object"
    parts = set(np.unique(session.annotation[40:, :])) - {1}
    assert session.painting.object_classes == dict.fromkeys(parts, 2)
