"""What stands in a project's notes may be anything; what makes no sense is left out."""

import math

import numpy as np
import pytest

from napari_unet.project import Project
from napari_unet.session import ImageSource, Session, Which, restoring
from napari_unet.session.described import describe_image
from napari_unet.session.keeping import Keeper
from napari_unet.session.restoring import read_kept, restore

SHAPE = (40, 50)


def kept_session(tmp_path) -> tuple[Project, str]:
    session = Session()
    session.set_image(ImageSource("cells", np.zeros(SHAPE, np.uint8)))
    session.annotating.start("objects", ("cell", "debris"))
    session.record_stroke(Which.ANNOTATION, (5, 5), np.full((9, 9), 2, np.int32))
    project = Project.create(tmp_path / "project")
    entry = project.add_image(describe_image(session.image, (0,), None, project.folder))
    Keeper(session, project, entry).close()
    return project, entry.id


def come_back(project: Project, image: str) -> tuple[Session, tuple[str, ...]]:
    session = Session()
    session.set_image(ImageSource("cells", np.zeros(SHAPE, np.uint8)))
    assert project.flush()
    kept = read_kept(project, project.image(image))
    restore(kept, session)
    return session, kept.sentences


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("regions", [{"kind": "polygon", "vertices": [[0, 0], [9, 0], [5, 8]], "plane": [math.inf]}]),
        ("regions", [{"kind": "polygon", "vertices": [[0, 0], [10**400, 0], [5, 8]], "plane": []}]),
        ("regions", [{"kind": "polygon", "vertices": [[0, 0], [math.nan, 0], [5, 8]], "plane": []}]),
        ("regions", [{"kind": ["polygon"], "vertices": [[0, 0]], "plane": []}]),
        ("object_classes", {"²": 1}),
        ("object_classes", {"9" * 5000: 1}),
        ("object_classes", {"2": 2**70, "3": -5, "4": True}),
        ("complete", [2**70, -(2**63), True]),
        ("object_size", math.nan),
        ("channels", [True, 10**30]),
        ("separation", {"threshold": math.nan}),
    ],
)
def test_what_makes_no_sense_is_left_out(tmp_path, name, value):
    project, image = kept_session(tmp_path)
    with project:
        before, _ = come_back(project, image)
        project.image(image).note(name, value)
        session, sentences = come_back(project, image)
    assert sentences == ()
    np.testing.assert_array_equal(session.annotation, before.annotation)
    assert session.painting.notes.classes == {}
    assert session.painting.notes.complete == frozenset()
    assert session.regions == ()
    assert session.separating.settings == before.separating.settings
    session.problems(())


def test_negative_values_are_taken_out_and_said(tmp_path):
    project, image = kept_session(tmp_path)
    with project:
        labels = np.full(SHAPE, 3, np.int32)
        labels[3, 4] = -7
        project.image(image).replace_array("annotation", labels)
        session, sentences = come_back(project, image)
    assert sentences == (
        "The annotation held negative values, which no object can have; they are empty now.",
    )
    assert session.annotation[3, 4] == 0
    assert (session.annotation == 3).sum() == labels.size - 1


def test_no_more_probabilities_are_read_than_a_session_keeps(tmp_path, monkeypatch):
    """A stack of hundreds of planes, all segmented, was read whole."""
    session = Session()
    session.set_image(ImageSource("stack", np.zeros((9, *SHAPE), np.uint8)))
    project = Project.create(tmp_path / "project")
    entry = project.add_image(describe_image(session.image, (0,), None, project.folder))
    plane = np.full((2, *SHAPE), 0.5, np.float16)
    for z in range(9):
        entry.probabilities.keep((z,), plane, None, 1.0, 20.0)
    assert project.flush()
    assert len(read_kept(project, entry).probabilities) == 9
    monkeypatch.setattr(restoring, "MOST_BYTES", 3 * plane.nbytes)
    assert len(read_kept(project, entry).probabilities) == 3
    project.close()
