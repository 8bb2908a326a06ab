"""Objects of labels that are read part by part: measured and outlined as in one piece."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from scipy import ndimage

from napari_unet.errors import Stopped, UserError
from napari_unet.formats.lazy import LazyImage
from napari_unet.formats.lazy_stacks import LazyStack
from napari_unet.network.model_file import Model, ModelDescription
from napari_unet.network.scaling import Normalisation
from napari_unet.network.unet import UNet, UNetConfig
from napari_unet.objects.outlines import outlines
from napari_unet.objects.tables import measure_objects
from napari_unet.workflow.batch_record import Wanted
from napari_unet.workflow.blocks import objects
from napari_unet.workflow.blocks.beside import check_wanted
from napari_unet.workflow.blocks.objects import FoundObjects


@dataclass
class Counting:
    """An array that remembers the largest part of it that was asked for."""

    array: np.ndarray
    largest: int = 0
    shape: tuple = field(init=False)
    dtype: np.dtype = field(init=False)

    def __post_init__(self):
        self.shape, self.dtype = self.array.shape, self.array.dtype

    def __getitem__(self, index):
        part = self.array[index]
        self.largest = max(self.largest, part[..., :, :].size)
        return part


@pytest.fixture(scope="module")
def scene():
    """Blobs with holes and of several pieces, numbered at random; one of them is long."""
    rng = np.random.default_rng(4)
    blobs = ndimage.gaussian_filter(rng.normal(size=(400, 460)), 4) > 0.015
    labels, n = ndimage.label(blobs)
    labels = np.concatenate([[0], rng.permutation(n * 50)[:n] + 1])[labels].astype(np.int32)
    labels[200:204, 20:300] = 1_000_000
    labels[np.isin(labels, np.unique(labels)[1:4])] = np.unique(labels)[1]  # three pieces, one number
    return labels, rng.integers(0, 4000, (2, *labels.shape)).astype(np.uint16)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(objects, "SIDE", 64)
    monkeypatch.setattr(objects, "WIDEST", 512)


def test_a_table_made_part_by_part_is_the_table_of_the_whole(scene):
    labels, grey = scene
    expected = measure_objects(labels, grey, 0.25)
    image = LazyImage("image", grey, "CYX", 0.25)
    table = FoundObjects.find(LazyImage("labels", labels, "YX", 0.25)).table(image)
    assert list(table) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(table[name], values, rtol=1e-6, atol=1e-6, err_msg=name)


def test_outlines_made_part_by_part_are_those_of_the_whole(scene):
    labels, _ = scene

    def told(found):
        return {
            one.number: sorted(
                sorted(map(tuple, ring.tolist())) for part in one.parts for ring in (part.outer, *part.holes)
            )
            for one in found
        }

    assert told(FoundObjects.find(LazyImage("labels", labels, "YX")).outlines()) == told(outlines(labels))


def test_no_more_is_read_at_a_time_than_an_object_with_its_neighbours_takes(scene, monkeypatch):
    labels, grey = scene
    monkeypatch.setattr(objects, "WIDEST", 128)
    counted, seen = Counting(labels), Counting(grey)
    found = FoundObjects.find(LazyImage("labels", counted, "YX"))
    table = found.table(LazyImage("image", seen, "CYX"))
    wide = [k for k, box in zip(found.numbers, found.boxes, strict=True) if max(box[1::2] - box[::2]) > 128]
    assert 1_000_000 in wide
    assert found.n_too_large == len(wide)
    assert table["label"].tolist() == sorted(set(np.unique(labels)[1:].tolist()) - set(wide))
    assert counted.largest <= 128**2
    assert seen.largest <= 2 * 128**2
    assert list(found.outlines())


def test_empty_labels_have_no_table_and_a_stop_is_heard(scene):
    found = FoundObjects.find(LazyImage("labels", np.zeros((70, 80), np.int32), "YX"))
    assert found.table() == {}
    assert not list(found.outlines())
    with pytest.raises(Stopped, match="labels are done and kept"):
        FoundObjects.find(LazyImage("labels", scene[0], "YX"), should_stop=lambda: True)


@pytest.mark.parametrize(
    ("wanted", "labels_are", "width", "said"),
    [
        (Wanted(table=True), "classes", 100, "finds classes"),
        (Wanted(rois=True), "objects", 40_000, "32,767 px"),
        (Wanted(table=True), "objects", 40_000, None),
    ],
)
def test_what_can_not_be_had_is_said_before_any_work(wanted, labels_are, width, said):
    config = UNetConfig(in_channels=1, classes=2, depth=1, width=2)
    described = ModelDescription(
        name="tiny", network=config, normalisation=Normalisation(low=(0.0,), high=(1.0,)), object_size=20.0,
        labels_are=labels_are, class_names=("background", "tissue") if labels_are == "classes" else (),
    )  # fmt: skip
    image = LazyStack("slide", np.broadcast_to(np.uint8(0), (100, width)), "YX")
    if said is None:
        check_wanted(wanted, image, Model(described, UNet(config)))
        return
    with pytest.raises(UserError, match=said):
        check_wanted(wanted, image, Model(described, UNet(config)))
