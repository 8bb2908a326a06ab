"""Layers and the session's arrays stay equal, whoever changes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from driving import add_discs
from qtpy.QtWidgets import QComboBox, QPushButton, QWidget

from napari_unet._qt.layers import features, looks, mirror
from napari_unet._qt.layers.arranging import arrange
from napari_unet._qt.layers.sources import image_layers
from napari_unet._qt.tab_order import tab_in_order
from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.annotation.regions import Region
from napari_unet.session import Which
from napari_unet.session.history import Action


@pytest.fixture
def painted(begin: Callable[[], Any], discs: Any) -> Any:
    """An image with an empty annotation of objects: (viewer, loop, layer)."""
    viewer, loop = begin()
    viewer.add_image(discs[0], name="discs", scale=(0.5, 0.25), translate=(3, 4), units=("um", "um"))
    return viewer, loop, start_annotation(loop)


def start_annotation(loop: Any) -> Any:
    """Start an annotation of objects on the first image; return its layer."""
    loop.begin_with_what_is_open()
    loop.session.annotating.start(LabelsAre.OBJECTS)
    loop.layers.paint_with(2, new_object=True)
    return loop.layers.layer(Which.ANNOTATION)


def assert_equal(loop: Any) -> None:
    for which in Which:
        layer = loop.layers.layer(which)
        if layer is not None:
            np.testing.assert_array_equal(layer.data, loop.session.canvas.arrays[which])


def test_a_new_annotation_lies_on_its_image_and_is_ready_to_paint(painted: Any) -> None:
    viewer, _, layer = painted
    image = viewer.layers["discs"]
    assert layer.data.dtype == np.int32
    assert (layer.selected_label, layer.mode) == (2, "paint")
    assert viewer.layers.selection.active == layer
    for name in ("scale", "translate", "units", "axis_labels"):
        np.testing.assert_array_equal(getattr(layer, name), getattr(image, name))
    np.testing.assert_array_equal(layer.affine.affine_matrix, image.affine.affine_matrix)


def test_painting_filling_and_scripts_reach_the_session(painted: Any, qtbot: Any) -> None:
    _, loop, layer = painted
    layer.paint((30, 40), 2)
    assert loop.session.annotation[30, 40] == 2
    layer.fill((0, 0), 1)
    assert loop.session.annotation[0, 0] == 1
    layer.data[50:53, 60:66] = 7
    layer.refresh()
    qtbot.waitUntil(lambda: loop.session.annotation[51, 61] == 7, timeout=2000)
    layer.undo()
    qtbot.waitUntil(lambda: loop.session.annotation[0, 0] == 0, timeout=2000)
    assert_equal(loop)


def test_one_stroke_is_one_undo_step_of_the_session(painted: Any) -> None:
    _, loop, layer = painted
    with layer.block_history():
        for x in range(20, 60, 4):
            layer.paint((30, x), 2)
    layer.paint((60, 60), 1)
    loop.undo()
    assert loop.session.annotation[60, 60] == 0
    assert loop.session.annotation[30, 40] == 2
    loop.undo()
    assert not loop.session.annotation.any()
    loop.redo()
    assert loop.session.annotation[30, 40] == 2
    assert_equal(loop)


def test_undo_keys_belong_to_the_session(painted: Any, qtbot: Any) -> None:
    _, loop, layer = painted
    layer.paint((30, 40), 2)
    for key, n in (("Ctrl+Z", 0), ("Ctrl+Shift+Z", 2)):
        bound = next(action for k, action in layer.keymap.items() if str(k) == key)
        bound(layer)
        assert loop.session.annotation[30, 40] == layer.data[30, 40] == n


def test_correcting_the_segmentation_writes_into_the_annotation_and_is_one_step(painted: Any) -> None:
    _, loop, annotation = painted
    loop.session.propose((), 0.0, 0.5)
    layer = loop.layers.layer(Which.SEGMENTATION)
    value = int(layer.data[24, 24])
    assert value > 0
    layer.brush_size = 4
    layer.paint((24, 24), 0)
    assert annotation.data[24, 24] == 1
    assert annotation.data[18, 24] > 1, "the object that was touched enters whole"
    assert_equal(loop)
    loop.undo()
    assert not annotation.data.any()
    assert layer.data[24, 24] == value
    assert_equal(loop)


def test_accepting_is_one_step_and_keeps_what_was_painted(painted: Any) -> None:
    _, loop, annotation = painted
    annotation.paint((0, 0), 1)
    loop.session.propose((), 0.0, 0.5)
    before = annotation.data.copy()
    loop.accepting.accept()
    assert (annotation.data > 1).sum() > 1000
    np.testing.assert_array_equal(annotation.data[before > 0], before[before > 0])
    loop.undo()
    np.testing.assert_array_equal(annotation.data, before)
    assert_equal(loop)


def test_large_changes_of_the_session_are_written_too(begin: Callable[[], Any]) -> None:
    viewer, loop = begin()
    viewer.add_image(np.zeros((700, 700), np.uint8))
    layer = start_annotation(loop)
    layer.fill((0, 0), 3)
    loop.undo()
    assert not layer.data.any()
    loop.redo()
    assert (layer.data == 3).all()
    assert_equal(loop)


def test_strokes_on_a_stack_reach_the_plane_that_is_shown(begin: Callable[[], Any]) -> None:
    viewer, loop = begin()
    viewer.add_image(np.zeros((4, 40, 50), np.uint16), scale=(2, 0.5, 0.5))
    layer = start_annotation(loop)
    viewer.dims.set_current_step(0, 2)
    layer.paint((2, 20, 30), 2)
    assert loop.plane() == (2,)
    assert loop.session.annotation[2, 20, 30] == 2
    assert loop.session.painting.annotated_planes() == [(2,)]
    loop.undo()
    assert not layer.data.any()


@pytest.mark.parametrize("small", [2**26, 0])
def test_painting_over_several_planes_at_once_is_seen(
    begin: Callable[[], Any], qtbot: Any, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(mirror, "_SMALL", small)
    viewer, loop = begin()
    viewer.add_image(np.zeros((9, 40, 50), np.uint16))
    layer = start_annotation(loop)
    viewer.dims.set_current_step(0, 4)
    layer.n_edit_dimensions = 3
    layer.brush_size = 5
    layer.paint((4, 20, 30), 2)
    qtbot.waitUntil(lambda: bool(loop.session.annotation[3, 20, 30] == 2), timeout=2000)
    assert loop.session.annotation[5, 20, 30] == 2
    assert_equal(loop)


def test_a_removed_annotation_is_kept_and_comes_back(painted: Any, qtbot: Any) -> None:
    viewer, loop, layer = painted
    layer.paint((30, 40), 2)
    viewer.layers.remove(layer)
    assert loop.session.annotation[30, 40] == 2
    loop.layers.show(Which.ANNOTATION)
    again = loop.layers.layer(Which.ANNOTATION)
    assert again != layer
    assert again.data[30, 40] == 2
    again.paint((50, 50), 3)
    assert loop.session.annotation[50, 50] == 3


def test_data_of_the_same_shape_replaces_what_was_painted(painted: Any, qtbot: Any) -> None:
    _, loop, layer = painted
    new = np.zeros(layer.data.shape, np.uint8)
    new[5:9, 5:9] = 4
    layer.data = new
    qtbot.waitUntil(lambda: bool(loop.session.annotation[6, 6] == 4), timeout=2000)
    loop.undo()
    assert not layer.data.any()


def test_data_of_another_shape_is_named_and_loses_nothing(painted: Any, qtbot: Any) -> None:
    _, loop, layer = painted
    layer.paint((30, 40), 2)
    layer.data = np.zeros((10, 11), np.int32)
    qtbot.waitUntil(lambda: loop.words.last is not None, timeout=2000)
    level, sentence = loop.words.last
    assert level == "warning"
    assert "10 × 11" in sentence
    assert loop.session.annotation[30, 40] == 2
    loop.layers.show(Which.ANNOTATION)
    assert loop.layers.layer(Which.ANNOTATION).data[30, 40] == 2


def test_new_object_moves_on_with_a_stroke_that_starts_elsewhere(painted: Any) -> None:
    _, loop, layer = painted
    loop.layers.paint_with(2, new_object=True)
    loop.layers._begin_stroke(layer, (20, 20))
    assert layer.selected_label == 2, "the first stroke keeps its number"
    layer.paint((20, 20), layer.selected_label)
    loop.layers._begin_stroke(layer, (21, 20))
    assert layer.selected_label == 2, "a stroke on the object goes on with it"
    loop.layers._begin_stroke(layer, (70, 90))
    assert layer.selected_label == 3


def test_foreign_labels_are_copied_and_hidden_in_their_coding(begin: Callable[[], Any], discs: Any) -> None:
    viewer, loop = begin()
    image, labels = discs
    viewer.add_image(image)
    masks = np.where(labels > 1, labels - 1, 0).astype(">u2")
    foreign = viewer.add_labels(masks.copy(), name="masks")
    loop.begin_with_what_is_open()
    assert loop.session.annotation is None, "never used before its coding was said"
    loop.adopt(foreign, Coding.MASKS, LabelsAre.OBJECTS)
    np.testing.assert_array_equal(loop.session.annotation, np.where(labels > 1, labels, 1))
    np.testing.assert_array_equal(foreign.data, masks)
    assert not foreign.visible
    assert_equal(loop)


def test_a_samples_annotation_is_used_as_it_is(begin: Callable[[], Any], discs: Any) -> None:
    viewer, loop = begin()
    image, labels = discs
    viewer.add_image(image)
    said = {"coding": "project", "labels_are": "objects", "class_names": ()}
    layer = viewer.add_labels(labels.copy(), metadata={"napari_unet": said})
    loop.begin_with_what_is_open()
    assert loop.layers.layer(Which.ANNOTATION) == layer
    layer.paint((2, 2), 9)
    assert loop.session.annotation[2, 2] == 9


def test_regions_become_regions_of_the_session(painted: Any) -> None:
    viewer, loop, _ = painted
    loop.layers.add_regions()
    shapes = loop.layers.regions.layer
    shapes.add_rectangles([[10, 10], [20, 30]])
    shapes.add_ellipses([[40, 40], [60, 60]])
    assert [region.kind for region in loop.session.regions] == ["rectangle"]
    assert loop.words.last == (
        "warning",
        "Only rectangles and polygons count as regions; other shapes are left out.",
    )
    viewer.layers.remove(shapes)
    assert loop.session.regions == ()
    loop.undo()
    assert [region.kind for region in loop.session.regions] == ["rectangle"]
    assert [list(map(tuple, kept)) for kept in loop.layers.regions.layer.data] == [
        [(10, 10), (20, 10), (20, 30), (10, 30)]
    ]
    assert "Annotation regions" in viewer.layers


def test_channels_of_an_axis_become_layers_that_keep_its_place(begin: Callable[[], Any]) -> None:
    viewer, _ = begin()
    data = np.random.default_rng(0).integers(0, 255, (2, 5, 30, 40)).astype(np.uint8)
    layer = viewer.add_image(data, name="cells", scale=(1, 2, 0.5, 0.25))
    made = arrange(viewer, layer, "CZYX")
    assert [tuple(m.scale) for m in made] == [(2, 0.5, 0.25)] * 2
    np.testing.assert_array_equal(made[1].data, data[1])
    assert not layer.visible


def test_our_own_results_are_no_images_to_segment(painted: Any) -> None:
    viewer, loop, _ = painted
    values = np.zeros(loop.session.image.plane_shape, np.float32)
    loop.layers.results.show("Probability", values, (0, 1), loop.layers.images[0])
    assert [layer.name for layer in image_layers(viewer)] == ["discs"]
    shown = viewer.layers["Probability"]
    np.testing.assert_array_equal(shown.scale, viewer.layers["discs"].scale)


def test_rotated_images_keep_their_layers_on_top(begin: Callable[[], Any]) -> None:
    viewer, loop = begin()
    image = viewer.add_image(np.zeros((30, 40)), rotate=30, shear=[0.2], affine=np.diag([2, 3, 1]))
    layer = start_annotation(loop)
    result = loop.layers.results.show("Probability", np.zeros((30, 40), np.float32), (0, 1), image)
    for other in (layer, result):
        for corner in ((0, 0), (29, 39), (0, 39)):
            np.testing.assert_allclose(other.data_to_world(corner), image.data_to_world(corner))


def test_regions_that_an_undo_brings_back_are_drawn_again_without_a_dock(painted: Any) -> None:
    _, loop, _ = painted
    corners = np.array([(10.0, 10), (10, 40), (30, 40), (30, 10)])
    region = Region(kind="rectangle", vertices=corners, plane=())
    loop.session.canvas.do(Action("Go back", (), regions=((), (region,))))
    np.testing.assert_array_equal(loop.layers.regions.layer.data[0], corners)
    loop.undo()
    assert len(loop.layers.regions.layer.data) == 0
    assert loop.session.regions == ()


def test_one_object_is_no_plural(painted: Any) -> None:
    _, loop, _ = painted
    found = np.zeros((96, 128), np.int32)
    found[5:9, 5:9] = 3
    loop.session.segmenting.show((), found, "Segment")
    assert loop.counting.words() == "1 object"


def test_objects_are_described_anew_only_where_something_was_said_or_painted(
    painted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, loop, layer = painted
    described: list[int] = []

    def describe(layer: Any, painting: Any, listed: bool) -> bool:
        described.append(painting.version)
        return listed

    monkeypatch.setattr(looks, "describe", describe)
    loop.session.state.changed.emit()
    loop.session.state.changed.emit()
    assert len(described) <= 1
    layer.paint((30, 40), 2)
    loop.session.annotating.mark_complete([2])
    loop.session.state.changed.emit()
    assert described[-1] == loop.session.painting.version
    n = len(described)
    loop.session.state.changed.emit()
    assert len(described) == n


def test_tab_goes_on_behind_a_choice_whose_list_was_open(qtbot: Any) -> None:
    room, first, choice, second, last = QWidget(), QPushButton(), QComboBox(), QPushButton(), QPushButton()
    qtbot.addWidget(room)
    part = QWidget()
    for inside in (choice, second):
        inside.setParent(part)
    for inside in (first, last, part):
        inside.setParent(room)
    choice.view()  # makes the window in which the list opens
    tab_in_order(first, part)
    order, widget = [first], first.nextInFocusChain()
    while widget != first:
        order += [widget] if widget in (choice, second, last) else []
        widget = widget.nextInFocusChain()
    assert order == [first, choice, second, last]


def test_what_is_said_of_objects_is_shown_without_a_search_of_the_annotation(
    dock: Any, discs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, session = add_discs(dock, discs), dock.loop.session
    session.annotating.set_class_names(["alive", "dead"])
    layer.data_setitem((np.array([0]), np.array([0])), 9)
    dock.loop.layers.settle()
    monkeypatch.setattr(features, "values_present", lambda labels: pytest.fail("all of it was searched"))
    session.annotating.set_object_class(3, 2)

    def shown() -> dict[int, str]:
        return dict(zip(layer.features["index"], layer.features["class"], strict=True))

    assert shown() == {2: "alive", 3: "dead", 4: "alive", 5: "alive", 9: "alive"}
    dock.loop.undo()
    assert shown()[3] == "alive"
    session.annotating.mark_complete([4])
    assert list(layer.features["said to be complete"]) == ["no", "no", "yes", "no", "no"]
