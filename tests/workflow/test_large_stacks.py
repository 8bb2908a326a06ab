"""Stacks that memory does not hold come out plane by plane as they do in one piece."""

from __future__ import annotations

import csv
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
import tifffile
import zarr
from scipy import ndimage

from napari_unet.callbacks import never_stop, no_progress
from napari_unet.errors import Stopped, UserError
from napari_unet.formats.images import read_labels
from napari_unet.formats.lazy_stacks import LazyStack, open_stack
from napari_unet.network.model_file import Model, ModelDescription
from napari_unet.network.scaling import Normalisation
from napari_unet.network.unet import UNet, UNetConfig
from napari_unet.workflow.batch_record import Wanted
from napari_unet.workflow.blocks.segmentation import unfinished_of
from napari_unet.workflow.large_files import SegmenterOfAnySize
from napari_unet.workflow.segmentation import Segmented
from napari_unet.workflow.stack_files import StackSettings

LITTLE = 0.009e9
"""Bytes in which one plane is segmented, and not six."""


def threshold(model: Any, image: np.ndarray, **settings: Any) -> Segmented:
    """Stand in for a network: what is bright is an object."""
    labels = ndimage.label(image[0] > 500)[0].astype(np.int32)
    maps = np.stack([image[0] <= 500, image[0] > 500]).astype(np.float32)
    return Segmented(labels, maps, None, 1.0, ("Bright.",))


@pytest.fixture(scope="module")
def model() -> Model:
    config = UNetConfig(in_channels=1, classes=2, depth=1, width=2)
    described = ModelDescription(
        name="tiny", network=config, normalisation=Normalisation(low=(0.0,), high=(1.0,)), object_size=20.0,
        labels_are="objects",
    )  # fmt: skip
    return Model(described, UNet(config))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """Balls in a film of stacks, (T, Z, Y, X) = (2, 3, 200, 220), in files whose axes differ in their order."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("stacks")
    array = rng.integers(100, 300, (2, 3, 200, 220)).astype(np.uint16)
    z, y, x = np.indices((3, 9, 9))
    ball = (z - 1) ** 2 * 9 + (y - 4) ** 2 + (x - 4) ** 2 <= 16
    for row, column in rng.integers(0, 190, (40, 2)):
        for t in range(2):
            array[t, :, row : row + 9, column + t : column + t + 9][ball] = 1000
    stored = tifffile.imwrite
    stored(folder / "tzyx.tif", array, imagej=True, metadata={"axes": "TZYX", "spacing": 2.0, "unit": "um"},
           resolution=(2, 2))  # fmt: skip
    group = zarr.open_group(folder / "xzty.zarr", mode="w", zarr_format=2)
    axes = [{"name": k, "type": "time" if k == "t" else "space"} for k in "xzty"]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0] * 4}]}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    group.create_array("0", shape=(220, 3, 2, 200), chunks=(64, 1, 1, 64), dtype="u2")[...] = array.transpose(
        3, 1, 0, 2
    )
    return {path.stem: path for path in folder.iterdir()}


def segmenter(
    model: Model, memory: float | None, link: str = "", wanted: Wanted | None = None, run=threshold
):
    return SegmenterOfAnySize(
        lambda image: model,
        run,
        f"word {link}",
        wanted or Wanted(),
        stack=StackSettings(link=link),
        memory=memory,
    )


def segment(how: SegmenterOfAnySize, path: Path, target: Path, should_stop=never_stop):
    target.parent.mkdir(exist_ok=True, parents=True)
    return how.segment_file(path, target, no_progress, should_stop)


@pytest.mark.parametrize("link", ["", "Z", "ZT"])
def test_a_stack_in_parts_is_the_stack_in_one_piece(model, files, tmp_path, link):
    wanted = Wanted(rois=True, table=True)
    whole = segment(segmenter(model, None, link, wanted), files["tzyx"], tmp_path / "whole" / "a.tif")
    in_parts = segmenter(model, LITTLE, link, wanted)
    assert in_parts.in_parts(files["tzyx"], tmp_path / "a.tif") is not None
    parts = segment(in_parts, files["tzyx"], tmp_path / "parts" / "a.tif")
    assert (parts.found, parts.sentences) == (whole.found, whole.sentences)
    one, other = (read_labels(tmp_path / name / "a.tif") for name in ("whole", "parts"))
    assert one.axes == other.axes == "TZYX"
    np.testing.assert_array_equal(one.array, other.array)
    tables = [
        list(csv.reader((tmp_path / name / "a_objects.csv").read_text().splitlines()))
        for name in ("whole", "parts")
    ]
    assert tables[0][0] == tables[1][0]
    ordered = [sorted(tuple(map(number, row)) for row in table[1:]) for table in tables]
    np.testing.assert_allclose(*ordered, rtol=1e-5)
    regions = [
        {roi.name: roi for roi in roifile.roiread(tmp_path / name / "a.zip")} for name in ("whole", "parts")
    ]
    assert regions[0].keys() == regions[1].keys()
    assert sorted(path.name for path in (tmp_path / "parts").iterdir()) == ["a.tif", "a.zip", "a_objects.csv"]


def number(word: str) -> float:
    return {"True": 1.0, "False": 0.0, "": 0.0}.get(word) if word in ("True", "False", "") else float(word)


def test_any_order_of_axes_is_read_plane_by_plane(model, files, tmp_path):
    segment(segmenter(model, None), files["tzyx"], tmp_path / "whole.tif")
    done = segment(segmenter(model, LITTLE), files["xzty"], tmp_path / "o.zarr")
    labels = open_stack(tmp_path / "o.zarr")
    assert labels.axes == "ZTYX"
    expected = read_labels(tmp_path / "whole.tif").array
    np.testing.assert_array_equal(labels.array[...], expected.transpose(1, 0, 2, 3))
    assert done.n_objects == sum(plane.max() for stack in expected for plane in stack)
    assert zarr.open_array(tmp_path / "o.zarr" / "0", mode="r").chunks == (1, 1, 200, 220)


def test_what_was_stopped_is_gone_on_with(model, files, tmp_path):
    seen: list[int] = []
    told: list[str] = []

    def count(*arguments: Any, **settings: Any) -> Segmented:
        seen.append(1)
        return threshold(*arguments, **settings)

    how = segmenter(model, LITTLE, "Z", run=count)
    object.__setattr__(how, "tell", told.append)
    with pytest.raises(Stopped, match="4 of 6 planes are done and kept"):
        segment(how, files["tzyx"], tmp_path / "o.zarr", lambda: len(seen) == 4)
    assert unfinished_of(tmp_path / "o.zarr").is_dir()
    segment(how, files["tzyx"], tmp_path / "o.zarr")
    assert (len(seen), told) == (6, ["tzyx.tif: 4 of 6 planes were done before; going on from there."])
    segment(segmenter(model, LITTLE, "Z"), files["tzyx"], tmp_path / "at_once.zarr")
    np.testing.assert_array_equal(
        *(open_stack(tmp_path / f"{name}.zarr").array[...] for name in ("o", "at_once"))
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["at_once.zarr", "o.zarr"]


def test_memory_is_that_of_a_plane(model, tmp_path):
    planes, side = 40, 512
    path = tmp_path / "long.tif"
    film = tifffile.memmap(path, shape=(planes, side, side), dtype=np.uint16, metadata={"axes": "TYX"})
    for t in range(planes):
        film[t, t : t + 30, 100:300] = 900
    film.flush()
    del film
    how = segmenter(model, 60e6, wanted=Wanted(table=True))
    tracemalloc.start()
    try:
        done = segment(how, path, tmp_path / "o.zarr")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert done.n_objects == planes
    assert peak < 17e6, (
        f"{peak / 1e6:.0f} MB; the stack has {planes * side**2 * 2 / 1e6:.0f} MB, its labels twice that"
    )


def test_what_can_not_be_had_is_one_sentence(model, files, tmp_path):
    with pytest.raises(UserError, match="probabilities are kept of single planes only"):
        segment(
            segmenter(model, LITTLE, wanted=Wanted(probabilities=True)), files["tzyx"], tmp_path / "o.zarr"
        )
    path = tmp_path / "film.tif"
    tifffile.imwrite(path, np.zeros((4, 50, 60), np.uint8), metadata={"axes": "TYX"})
    with pytest.raises(UserError, match="there is no Z to link through"):
        segment(segmenter(model, None, "Z"), path, tmp_path / "o.zarr")


def test_axes_can_be_named_and_planes_have_channels():
    array = np.arange(2 * 3 * 4 * 5 * 3, dtype=np.uint8).reshape(4, 2, 5, 3, 3)
    stack = LazyStack("a", array, "YTXCS").named("yzxcs")
    assert (stack.axes, stack.letters, stack.plane_shape) == ("YZXCS", "Z", (2,))
    plane = stack.plane((1,))
    assert plane.shape == (9, 4, 5)
    np.testing.assert_array_equal(plane.read(1, 3, 0, 5, 9)[4], array[1:3, 1, :, 1, 1])
    with pytest.raises(UserError, match="names 2 axes"):
        stack.named("YX")
