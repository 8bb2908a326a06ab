"""Stacks that memory does not hold, with a network of volumes: box by box as in one piece."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_unet.callbacks import never_stop, no_progress
from napari_unet.errors import Stopped, UserError
from napari_unet.formats.lazy_stacks import open_stack
from napari_unet.network.model_file import Model, ModelDescription
from napari_unet.network.scaling import Normalisation
from napari_unet.network.unet import UNet, UNetConfig
from napari_unet.objects.overlaps import count_overlaps
from napari_unet.workflow import large_volumes
from napari_unet.workflow.batch_record import Wanted
from napari_unet.workflow.large_files import SegmenterOfAnySize
from napari_unet.workflow.large_volumes import Boxes
from napari_unet.workflow.segmentation import Segmented

LITTLE = 5e6


def threshold(model: Any, volume: np.ndarray, **settings: Any) -> Segmented:
    """Stand in for a network of volumes: what is bright is an object, the same in every part."""
    labels = ndimage.label(volume[0] > 500)[0].astype(np.int32)
    return Segmented(
        labels, np.zeros((2, *labels.shape), np.float32), None, 1.0, ("Dark.",) * (not labels.any())
    )


@pytest.fixture(scope="module")
def model() -> Model:
    config = UNetConfig(dimensions=3, in_channels=1, classes=2, depth=1, width=2, flat_levels=1)
    described = ModelDescription(
        name="tiny", network=config, normalisation=Normalisation(low=(0.0,), high=(1.0,)), object_size=4.0,
        labels_are="objects", plane_step=4.0, axes="CZYX",
    )  # fmt: skip
    return Model(described, UNet(config))


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """Balls in a film of stacks, (T, Z, Y, X), and a fibre that goes through all of the second."""
    rng = np.random.default_rng(0)
    array = rng.integers(100, 300, (2, 16, 80, 150)).astype(np.uint16)
    ball = ndimage.distance_transform_edt(np.pad(np.zeros((1, 1, 1)), 4, constant_values=1) == 1) <= 4
    for t in range(2):
        for corner in rng.integers(0, (7, 71, 141), (25, 3)):
            array[(t, *(slice(a, a + 9) for a in corner))][ball] = 1000
    for x in range(150):
        array[1, x // 10, x // 3 : x // 3 + 3, x] = 1000
    path = tmp_path_factory.mktemp("film") / "film.tif"
    tifffile.imwrite(path, array, imagej=True, metadata={"axes": "TZYX"})
    return path, array


@pytest.fixture(autouse=True)
def _small_boxes(monkeypatch):
    monkeypatch.setattr(large_volumes, "CHUNK", 32)
    monkeypatch.setattr(large_volumes, "BYTES_PER_VOXEL", 60)


def segment(model: Model, path: Path, target: Path, should_stop=never_stop, run=threshold, **more: Any):
    how = SegmenterOfAnySize(lambda image: model, run, "word", memory=LITTLE, run_volume=run, **more)
    assert how.in_parts(path, target) is not None
    return how.segment_file(path, target, no_progress, should_stop)


def test_objects_are_those_of_one_piece_and_have_one_number_each(model, film, tmp_path):
    path, array = film
    parts: list[tuple[int, ...]] = []

    def watch(model: Any, volume: np.ndarray, **settings: Any) -> Segmented:
        parts.append(volume.shape)
        return threshold(model, volume, **settings)

    done = segment(model, path, tmp_path / "o.zarr", run=watch, wanted=Wanted(table=True))
    labels = open_stack(tmp_path / "o.zarr").array[...]
    whole = [ndimage.label(stack > 500)[0] for stack in array]
    for found, expected in zip(labels, whole, strict=True):
        pairs = count_overlaps(found, expected)
        assert len(pairs.first) == len(np.unique(found)) == len(np.unique(expected))
    n = sum(int(stack.max()) for stack in whole)
    assert done.n_objects == n == len(np.unique(labels)) - 1
    assert len(parts) > 8
    assert max(np.prod(shape) for shape in parts) * large_volumes.BYTES_PER_VOXEL <= LITTLE
    table = (tmp_path / "o_objects.csv").read_text().splitlines()
    assert len(table) == n + 1
    assert table[0].startswith("t,label,volume")


def test_what_was_stopped_is_gone_on_with(model, film, tmp_path):
    path, _ = film
    seen: list[int] = []

    def count(model: Any, volume: np.ndarray, **settings: Any) -> Segmented:
        seen.append(1)
        return threshold(model, volume, **settings)

    with pytest.raises(Stopped, match=r"3 of \d+ parts are done and kept"):
        segment(model, path, tmp_path / "o.zarr", lambda: len(seen) == 3, count)
    segment(model, path, tmp_path / "o.zarr", run=count)
    n = len(seen)
    segment(model, path, tmp_path / "at_once.zarr", run=count)
    assert len(seen) == 2 * n
    np.testing.assert_array_equal(*(open_stack(tmp_path / f"{k}.zarr").array[...] for k in ("o", "at_once")))


def test_boxes_cover_a_volume_and_too_little_memory_is_one_sentence():
    boxes = Boxes.fitting((7, 100, 210), (1, 8, 8), 20_000)
    covered = np.zeros((7, 100, 210), int)
    for box in boxes:
        covered[box] += 1
        assert np.prod([part.stop - part.start for part in boxes.seen_from(box)]) <= 20_000
        assert not any(part.start % 32 for part in box[1:])
    assert (covered == 1).all()
    with pytest.raises(UserError, match="are the least that can be segmented at once"):
        Boxes.fitting((7, 100, 210), (1, 8, 8), 1000)


def test_a_film_without_depth_is_refused(model, tmp_path):
    path = tmp_path / "film.tif"
    tifffile.imwrite(path, np.zeros((30, 100, 210), np.uint16), metadata={"axes": "TYX"})
    with pytest.raises(UserError, match="has no axis Z, and this network sees volumes"):
        segment(model, path, tmp_path / "o.zarr")
