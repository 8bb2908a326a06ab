"""Fixes of an annotation's problems, each one step of undo."""

import numpy as np
import pytest

from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.session import ImageSource, Session, Which


def begun(labels) -> Session:
    session = Session()
    session.set_image(ImageSource("cells", np.zeros(labels.shape, np.float32)))
    session.adopt_annotation(labels, Coding.PROJECT, LabelsAre.OBJECTS)
    return session


@pytest.fixture
def painted():
    """Two whole objects on background."""
    labels = np.ones((80, 80), np.int32)
    labels[10:20, 10:20], labels[40:50, 10:20] = 2, 3
    return labels


def problem_of(session, kind, plane=()):
    (problem,) = [problem for problem in session.problems(plane) if problem.kind == kind]
    return problem


def test_a_fix_is_one_step_over_pixels_and_classes(painted):
    painted[60:68, 60:68] = 2
    session = begun(painted)
    session.annotating.set_object_class(2, 2)
    assert session.annotating.fix((), problem_of(session, "value_twice")) == "Split object"
    assert (session.annotation[60:68, 60:68] == 4).all()
    assert session.painting.object_classes == {2: 2, 4: 2}
    assert session.undo() == "Split object"
    np.testing.assert_array_equal(session.annotation, painted)
    assert session.painting.object_classes == {2: 2}
    session.redo()
    assert session.painting.object_classes == {2: 2, 4: 2}


def test_specks_and_holes_are_fixed_on_their_plane_only(painted):
    painted[12:14, 12:14], painted[70, 70] = 0, 3
    session = begun(np.stack([painted, painted]))
    for kind in ("speck", "hole"):
        assert session.annotating.fix((1,), problem_of(session, kind, (1,)))
    assert session.problems((1,)) == []
    np.testing.assert_array_equal(session.annotation[0], painted)
    session.undo(), session.undo()
    np.testing.assert_array_equal(session.annotation[1], painted)


def test_a_problem_that_was_repaired_by_hand_is_fixed_no_more(painted):
    painted[70, 70] = 3
    session = begun(painted)
    speck = problem_of(session, "speck")
    session.record_stroke(Which.ANNOTATION, (70, 70), np.array([[1]]))
    assert session.annotating.fix((), speck) is None
    assert session.undo() == "Paint"


def test_a_ring_of_background_lets_training_begin(painted):
    session = begun(np.where(painted == 1, 0, painted))
    session.annotating.mark_complete([2, 3])
    assert session.annotating.fix((), problem_of(session, "no_background")) == "Ring of background"
    assert not [problem for problem in session.problems(()) if problem.blocking]
    assert session.annotation[15, 8] == 1
    session.undo()
    assert not (session.annotation == 1).any()


def test_inside_a_region_only_what_was_painted_is_changed(painted):
    from napari_unet.annotation.regions import Region

    painted[painted == 1] = 0
    painted[70, 70] = 3
    session = begun(painted)
    corners = np.array([[0, 0], [0, 79], [79, 79], [79, 0]], float)
    session.annotating.set_regions([Region("rectangle", corners)])
    assert session.annotating.fix((), problem_of(session, "speck"))
    assert not (session.annotation == 1).any()
