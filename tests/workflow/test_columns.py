"""What is held out on one plane of a stack is not learned from the planes next to it."""

from dataclasses import replace

import numpy as np
import pytest
from painted_discs import annotate

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.weight_map import WeightMapSettings
from napari_unet.network.held_out import without_held_out
from napari_unet.workflow import AnnotatedImage, Stack, train_model
from napari_unet.workflow.columns import THROUGH_PLANES, find_neighbours, spared_at_network_scale
from napari_unet.workflow.lineage import Lineage, continue_lineage
from napari_unet.workflow.preparation import prepare
from quick import QUICK

Box = tuple[int, int, int, int]


@pytest.fixture(scope="module")
def discs() -> AnnotatedImage:
    return annotate("cells", n=8)


def plane(discs: AnnotatedImage, z: int, box: Box = (0, 256, 0, 256), step: float | None = None):
    """Return a plane of a stack that looks the same everywhere, painted inside of a box."""
    labels = np.zeros_like(discs.labels)
    y0, y1, x0, x1 = box
    labels[y0:y1, x0:x1] = discs.labels[y0:y1, x0:x1]
    stack = Stack("cells stack", z, 30, lambda *_: discs.image[:, None], step)
    return replace(discs, name=f"cells {z}", labels=labels, plane=(z,), picture="cells", stack=stack)


def ready(images):
    return prepare(images, LabelsAre.OBJECTS, (), WeightMapSettings.ronneberger2015())


def learned(prepared, lineage):
    """Return by plane where something is learned, in px of the whole image."""
    found = {}
    spared = spared_at_network_scale(prepared, lineage.held_out)
    for image, frame in zip(without_held_out(prepared.images, spared), prepared.frames, strict=True):
        y, x = np.nonzero(image.weights > 0)
        at = np.zeros((256, 256), bool)
        rows, columns = (np.array(frame.box[k : k + 2]) for k in (0, 2))
        height, width = image.weights.shape
        at[
            rows[0] + ((y + 0.5) * np.ptp(rows) / height).astype(int),
            columns[0] + ((x + 0.5) * np.ptp(columns) / width).astype(int),
        ] = True
        found[image.name] = at
    return found


@pytest.mark.parametrize(
    ("others", "step", "near"),
    [
        ((6,), None, {6}),
        ((7, 9), None, set()),
        ((7, 12), 3.0, {7}),  # discs of 20 px: planes closer than 10 px
        ((4, 5, 6), 40.0, {4, 6}),
    ],
)
def test_neighbours_are_the_next_planes_and_those_that_show_the_same_objects(discs, others, step, near):
    images = [plane(discs, z, step=step) for z in dict.fromkeys((5, *others))]
    found = find_neighbours(images, 20.0)
    assert {int(name.split()[1]) for name in found.get("cells 5", ())} == near


def test_frames_of_a_series_are_neighbours_and_planes_of_other_images_are_not(discs):
    series = [replace(plane(discs, t), stack=None) for t in (0, 1, 3)]
    other = replace(series[1], name="other 1", picture="other")
    assert find_neighbours([*series, other], None) == {"cells 0": ("cells 1",), "cells 1": ("cells 0",)}
    assert find_neighbours([annotate("a"), annotate("b")], 20.0) == {}


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_learned_beside_a_held_out_place(discs, seed):
    boxes = {3: (0, 160, 0, 256), 4: (0, 256, 0, 256), 5: (64, 256, 64, 256), 9: (0, 256, 0, 128)}
    prepared = ready([plane(discs, z, box) for z, box in boxes.items()])
    lineage, sentence = continue_lineage(Lineage(), prepared, seed)
    assert lineage.held_out
    by_plane = {z: {p.box for p in lineage.held_out if p.image == f"cells {z}"} for z in boxes}
    assert by_plane[3] == by_plane[4] == by_plane[5]
    assert (THROUGH_PLANES in sentence) == bool(by_plane[4])
    at = learned(prepared, lineage)
    for place in lineage.held_out:
        z = int(place.image.split()[1])
        for other in boxes:
            if abs(other - z) <= 1:
                assert not at[f"cells {other}"][place.slices].any()
    painted = sum(int(np.unique(image.objects).size - 1) for image in prepared.images)
    left = without_held_out(prepared.images, spared_at_network_scale(prepared, lineage.held_out))
    assert sum(int(np.unique(image.objects).size - 1) for image in left) > painted / 2


def test_a_plane_painted_later_is_not_learned_from_beside_a_held_out_place(discs):
    first = train_model([plane(discs, 4)], QUICK.model_copy(update={"steps": 1}))
    assert first.held_out
    before = Lineage.of(first.model.description.training)
    prepared = ready([plane(discs, 4), plane(discs, 5), plane(discs, 7)])
    lineage, _ = continue_lineage(before, prepared, 0)
    assert lineage.held_out == first.held_out
    at = learned(prepared, lineage)
    for place in first.held_out:
        assert not at["cells 5"][place.slices].any()
        assert at["cells 7"][place.slices].any()
