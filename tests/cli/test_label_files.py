"""Label images in parts: measured and written as they are in one piece, with the memory of a part."""

from __future__ import annotations

import csv
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import roifile
import tifffile
import zarr
from scipy import ndimage

from napari_unet.errors import UserError
from napari_unet.formats.exports import Format, Objects, export
from napari_unet.formats.images import read_labels
from napari_unet.formats.json_outlines import run_lengths, write_geojson
from napari_unet.objects.outlines import mask_of, outlines
from napari_unet.workflow.blocks import objects
from napari_unet.workflow.blocks.label_files import export_in_parts, labels_in_parts, measure_in_parts

LITTLE = 1e5


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(objects, "SIDE", 64)


@pytest.fixture(scope="module")
def blobs() -> np.ndarray:
    """Blobs with holes and of several pieces on two planes, (Z, Y, X)."""
    rng = np.random.default_rng(4)
    noise = ndimage.gaussian_filter(rng.normal(size=(2, 200, 260)), (0, 4, 4))
    labels = np.stack([ndimage.label(plane > 0.015)[0] for plane in noise]).astype(np.uint16)
    labels[1][labels[1] == 3] = 2
    return labels


@pytest.fixture(scope="module")
def file(blobs, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "labels.tif"
    tifffile.imwrite(path, blobs, imagej=True, metadata={"axes": "ZYX", "unit": "um"}, resolution=(2, 2))
    return path


def words(path: Path, what: Format) -> object:
    """Return what a file says, whatever order its entries have."""
    if what is Format.ROIS:
        regions = [(roi.name, roi.coordinates().tolist()) for roi in roifile.roiread(path)]
        return sorted((name, part if isinstance(part, list) else []) for name, part in regions)
    if what in (Format.GEOJSON, Format.COCO):
        said = json.loads(path.read_text())
        entries = said.pop("features", None) or said.pop("annotations")
        for entry in entries:
            entry["id"] = None if what is Format.COCO else entry["id"]
        return said, sorted(json.dumps(entry, sort_keys=True) for entry in entries)
    read = read_labels(path)
    return read.array.tolist(), str(read.array.dtype), read.axes, read.pixel_size_um


@pytest.mark.parametrize("whole_only", [False, True])
@pytest.mark.parametrize("what", list(Format))
def test_what_is_exported_in_parts_is_what_is_exported_whole(file, blobs, tmp_path, what, whole_only):
    labels = labels_in_parts(file, LITTLE)
    assert labels is not None
    endings = {Format.OME_ZARR: ".zarr", Format.OME_TIFF: ".ome.tif", Format.TIFF: ".tif"}
    one, other = (tmp_path / f"{name}{endings.get(what, '.zip')}" for name in ("whole", "parts"))
    given = Objects(blobs, "a.png", "ZYX", 0.5)
    export(given.without_cut() if whole_only else given, one, what)
    assert export_in_parts(labels, other, what, "a.png", whole_only) == []
    assert words(one, what) == words(other, what)
    if what is Format.OME_ZARR:
        for level in ("0", "1"):
            np.testing.assert_array_equal(
                *(zarr.open_array(path / level, mode="r")[...] for path in (one, other))
            )


@pytest.mark.parametrize("ending", [".tif", ".zarr"])
def test_the_shell_measures_in_parts_what_it_measures_whole(shell, blobs, tmp_path, ending):
    image = np.random.default_rng(0).integers(0, 4000, (2, 2, *blobs.shape[1:])).astype(np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", image, imagej=True, metadata={"axes": "ZCYX", "unit": "um"}, resolution=(4, 4)
    )
    folder = tmp_path / "labels"
    folder.mkdir()
    path = folder / f"a{ending}"
    export(Objects(blobs, "a", "ZYX"), path, Format.TIFF if ending == ".tif" else Format.OME_ZARR)
    tables = []
    how = ("--image", tmp_path / "a.tif", "--background", 4, "--whole-only")
    for name, more in (("whole", ()), ("parts", ("--memory", LITTLE / 1e9))):
        shell.run("measure", path, "-o", tmp_path / f"{name}.csv", *how, *more)
        tables.append(list(csv.DictReader((tmp_path / f"{name}.csv").read_text().splitlines())))
    assert list(tables[0][0]) == list(tables[1][0])
    assert len(tables[0]) == len(tables[1]) > 10
    for name in ("plane-0", "label", "area", "centroid-x_um", "intensity_mean-1", "perimeter", "solidity"):
        numbers = [[float(row[name]) for row in table] for table in tables]
        np.testing.assert_allclose(*numbers, rtol=1e-6)


def test_the_shell_exports_in_parts_and_says_what_it_can_not(shell, file, tmp_path):
    few = ("--memory", LITTLE / 1e9)
    shell.run("export", file, "-o", tmp_path / "a.geojson")
    shell.run("export", file, "-o", tmp_path / "b.geojson", *few)
    assert words(tmp_path / "a.geojson", Format.GEOJSON) == words(tmp_path / "b.geojson", Format.GEOJSON)
    assert "--memory must be above 0" in shell.fail("export", file, "-o", tmp_path / "b.json", "--memory", 0)
    tifffile.imwrite(tmp_path / "half.tif", np.full((300, 300), 0.5, np.float32))
    assert "holds fractions" in shell.fail("export", tmp_path / "half.tif", "-o", tmp_path / "c.json", *few)
    tifffile.imwrite(tmp_path / "two.tif", np.zeros((2, 300, 300), np.uint8), metadata={"axes": "CYX"})
    assert "several channels" in shell.fail("measure", tmp_path / "two.tif", "-o", tmp_path / "c.csv", *few)
    tifffile.imwrite(tmp_path / "other.tif", np.zeros((2, 300, 300), np.uint8), metadata={"axes": "ZYX"})
    wrong = shell.fail("measure", file, "--image", tmp_path / "other.tif", "-o", tmp_path / "c.csv", *few)
    assert "differ in size" in wrong


def test_memory_is_that_of_a_part(tmp_path):
    side = 3000
    path = tmp_path / "large.tif"
    labels = tifffile.memmap(path, shape=(side, side), dtype=np.int32)
    for k in range(100):
        y, x = divmod(k, 10)
        labels[y * 300 + 10 : y * 300 + 40, x * 300 + 10 : x * 300 + 60] = k + 1
    labels.flush()
    del labels
    lazy = labels_in_parts(path, 1e7)
    assert lazy is not None
    objects.SIDE = 512
    tracemalloc.start()
    try:
        table, _ = measure_in_parts(lazy, None, None)
        export_in_parts(lazy, tmp_path / "a.json", Format.COCO, "large")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert table["label"].size == 100
    assert peak < 16e6, f"{peak / 1e6:.0f} MB of an image of {4 * side**2 / 1e6:.0f}"


def test_a_mask_comes_back_from_its_outline_and_its_run_lengths(blobs):
    for outline in outlines(blobs):
        mask, (top, left) = mask_of(outline)
        expected = blobs[outline.plane] == outline.number
        found = np.zeros_like(expected)
        found[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
        np.testing.assert_array_equal(found, expected)
        runs = run_lengths(mask, (top, left), *expected.shape)
        values = np.repeat(np.arange(len(runs["counts"])) % 2, runs["counts"])
        np.testing.assert_array_equal(values.reshape(expected.shape, order="F"), expected)


def test_nothing_half_written_is_left_where_outlines_fail(tmp_path, blobs):
    def broken():
        yield next(outlines(blobs))
        raise UserError("The disk is gone.")

    with pytest.raises(UserError, match="disk is gone"):
        write_geojson(tmp_path / "a.geojson", broken())
    assert not list(tmp_path.iterdir())
