"""Labels of other programs for the image that is open."""

import numpy as np
import pytest
import roifile
import tifffile

from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.errors import UserError
from napari_unet.formats.annotations import arrange_labels
from napari_unet.formats.images import ImageFile
from napari_unet.session import ImageSource, Session, Which
from napari_unet.session.bringing_in import BringingIn, read_for


@pytest.fixture
def session():
    session = Session()
    session.set_image(ImageSource("stack", np.zeros((3, 20, 30), np.uint8), axis_labels=("z", "y", "x")))
    return session


def masks():
    labels = np.zeros((3, 20, 30), np.uint16)
    labels[:, 2:8, 2:8], labels[1, 10:16, 10:20] = 7, 40
    return labels


def bring(session, *how, then=lambda: None):
    """Bring labels in as the window does, without the thread; return their number."""
    task = BringingIn.of(session.state, *how)
    brought = task.run()
    then()
    left = list(brought.changes)
    while left:
        if not task.holds(session.state):
            task = task.again(session.state, brought, [tuple(change.offset[:-2]) for change in left])
            left = list(task.run().changes)
        task.show(session.state, [left.pop(0)])
    return brought.n_values


def test_masks_become_the_segmentation_with_their_numbers_in_one_undo_step(session):
    assert bring(session, masks(), Coding.MASKS, LabelsAre.OBJECTS) == 2
    assert np.array_equal(session.segmentation, masks())
    assert session.annotation is None
    session.undo()
    assert not session.segmentation.any()
    session.redo()
    assert np.array_equal(session.segmentation, masks())


def test_the_annotation_stays_on_top(session):
    session.annotating.start(LabelsAre.OBJECTS)
    session.annotation[0, 2:8, 2:8] = 1
    bring(session, masks(), Coding.MASKS, LabelsAre.OBJECTS)
    assert not session.segmentation[0].any()
    assert (session.segmentation[2, 2:8, 2:8] == 7).all()


def test_a_stroke_meanwhile_wins_and_objects_keep_one_number_through_the_stack(session):
    shown = np.zeros((3, 20, 30), np.int32)
    shown[0, 2:8, 2:8], shown[1, 2:8, 2:8] = 3, 9
    session.canvas.add(Which.SEGMENTATION, shown)
    session.annotating.start(LabelsAre.OBJECTS)

    def paint():
        session.record_stroke(Which.ANNOTATION, (1, 10, 10), np.full((1, 6, 10), 1, np.int32))

    bring(session, masks(), Coding.MASKS, LabelsAre.OBJECTS, then=paint)
    assert (session.segmentation[:, 2:8, 2:8] == 7).all()
    assert not session.segmentation[1, 10:16, 10:20].any()
    session.undo()
    assert session.segmentation[1, 4, 4] == 9
    assert (session.annotation == 1).any(), "the stroke is a step of its own"


def test_what_does_not_fit_is_refused_in_one_sentence(session):
    with pytest.raises(UserError, match=r"29 × 20 × 3 px"):
        BringingIn.of(session.state, masks()[..., 1:], Coding.MASKS, LabelsAre.OBJECTS)
    with pytest.raises(UserError, match="annotation of classes first"):
        BringingIn.of(session.state, masks(), Coding.MASKS, LabelsAre.CLASSES)
    task = BringingIn.of(session.state, masks(), Coding.MASKS, LabelsAre.OBJECTS)
    session.begin_image(ImageSource("other", np.zeros((3, 20, 30), np.uint8)))
    with pytest.raises(UserError, match="replaced"):
        task.holds(session.state)
    assert session.segmentation is None


def test_a_label_image_is_read_with_a_channel_of_its_own(session, tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", masks()[:, None], metadata={"axes": "ZCYX"})
    labels, sentence = read_for(tmp_path / "a.ome.tif", session.image)
    assert np.array_equal(labels, masks())
    assert sentence == ""


def test_labels_are_turned_to_the_order_of_the_images_axes():
    turned = ImageFile("a", masks().transpose(1, 2, 0), "YXZ", None, rgb=False)
    assert np.array_equal(arrange_labels(turned, masks().shape, "ZYX"), masks())
    one = ImageFile("a", masks()[:1, None], "TCYX", None, rgb=False)
    assert np.array_equal(arrange_labels(one, (20, 30), "YX"), masks()[0])


def test_regions_leave_it_open_what_lies_outside_of_them(session, tmp_path):
    square = roifile.ImagejRoi.frompoints([[2, 2], [8, 2], [8, 8], [2, 8]], z=2)
    square.roitype, square.position = roifile.ROI_TYPE.POLYGON, 2
    roifile.roiwrite(tmp_path / "a.zip", [square], mode="w")
    labels, _ = read_for(tmp_path / "a.zip", session.image)
    assert np.unique(labels).tolist() == [0, 2]
    assert labels[1, 4, 4] == 2
    session.adopt_annotation(labels, Coding.PROJECT, LabelsAre.OBJECTS)
    assert np.unique(session.annotation).tolist() == [0, 2]
    session.adopt_annotation(labels, Coding.MASKS, LabelsAre.OBJECTS)
    assert np.unique(session.annotation).tolist() == [1, 3]
