"""Export, measure, and labels of other programs, from the shell."""

import csv

import numpy as np
import pyarrow.parquet
import pytest
import roifile
import tifffile

from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.cli.annotated import read_annotated
from napari_unet.errors import UserError
from napari_unet.formats.images import read_labels


@pytest.mark.parametrize(
    ("to", "ending"),
    [
        ("rois", ".zip"),
        ("geojson", ".geojson"),
        ("coco", ".json"),
        ("ome-tiff", ".ome.tif"),
        ("ome-zarr", ".zarr"),
    ],
)
def test_a_folder_of_labels_is_exported(shell, folder, to, ending):
    shell.run("export", folder / "labels", "-o", folder / "out", "--to", to)
    assert {path.name for path in (folder / "out").iterdir()} == {f"cell{k}{ending}" for k in (0, 1)}


def test_the_ending_says_the_format_and_rois_come_back_with_the_image(shell, folder, cells):
    shell.run("export", folder / "labels" / "cell0.tif", "-o", folder / "a.zip")
    assert len(roifile.roiread(folder / "a.zip")) == len(np.unique(cells[0][1])) - 1
    image = folder / "images" / "cell0.tif"
    shell.run("export", folder / "a.zip", "--image", image, "-o", folder / "back.tif")
    back = read_labels(folder / "back.tif").array
    assert np.array_equal(back > 0, cells[0][1] > 0)
    assert len(np.unique(np.stack([back, cells[0][1]]).reshape(2, -1), axis=1).T) == len(np.unique(back))
    assert "--image" in shell.fail("export", folder / "a.zip", "-o", folder / "b.tif")


def test_exporting_onto_the_input_or_as_nonsense_is_refused(shell, folder):
    labels = folder / "labels" / "cell0.tif"
    before = labels.read_bytes()
    assert "overwrite" in shell.fail("export", labels, "-o", labels)
    assert labels.read_bytes() == before
    assert ".geojson" in shell.fail("export", labels, "-o", folder / "a.docx")
    assert "one file" in shell.fail("export", folder / "labels", "-o", folder / "a.zip")


def test_measure_writes_one_table_for_all(shell, folder, cells):
    shell.run(
        "measure",
        folder / "labels",
        "--image",
        folder / "images",
        "-o",
        folder / "a.csv",
        "--pixel-size",
        0.5,
    )
    with open(folder / "a.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    n = [len(np.unique(truth)) - 1 for _, truth in cells]
    assert [sum(row["image"] == name for row in rows) for name in ("cell0", "cell1")] == n
    first = rows[0]
    inside = cells[0][1] == int(first["label"])
    assert int(float(first["area"])) == inside.sum()
    assert float(first["area_um2"]) == pytest.approx(inside.sum() / 4)
    assert float(first["intensity_mean-0"]) == pytest.approx(cells[0][0][inside].mean(), rel=1e-5)
    assert {"intensity_sum-0", "intensity_std-0", "perimeter_um", "cut_by_edge"} <= set(first)


def test_parquet_holds_the_same_and_whole_only_leaves_out_what_the_edge_cuts(shell, folder):
    shell.run("measure", folder / "labels", "-o", folder / "a.csv", "--whole-only")
    shell.run("measure", folder / "labels", "-o", folder / "a.parquet")
    table = pyarrow.parquet.read_table(folder / "a.parquet").to_pandas()
    with open(folder / "a.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    whole = table[~table["cut_by_edge"]]
    assert 0 < len(whole) < len(table)
    assert [(row["image"], int(row["label"])) for row in rows] == list(
        zip(whole["image"], whole["label"], strict=True)
    )
    assert np.allclose([float(row["solidity"]) for row in rows], whole["solidity"], rtol=1e-6)


def test_measuring_refuses_what_it_can_not_do(shell, folder):
    labels = folder / "labels" / "cell0.tif"
    assert ".csv" in shell.fail("measure", labels, "-o", folder / "a.xlsx")
    tifffile.imwrite(folder / "other.tif", np.zeros((5, 5), np.uint8))
    assert "differ in size" in shell.fail(
        "measure", labels, "--image", folder / "other.tif", "-o", folder / "a.csv"
    )
    assert "no object" in shell.fail("measure", folder / "other.tif", "-o", folder / "a.csv")
    assert not (folder / "a.csv").exists()


def test_roi_zips_and_names_of_other_programs_train(shell, folder, cells):
    """Cellpose writes NAME_cp_masks, the ROI Manager a zip; both find their image."""
    (folder / "theirs").mkdir()
    tifffile.imwrite(folder / "theirs" / "cell0_cp_masks.tif", cells[0][1].astype(np.uint16))
    shell.run("export", folder / "labels" / "cell1.tif", "-o", folder / "theirs" / "cell1.zip")
    found, _ = read_annotated([folder / "images"], folder / "theirs", Coding.MASKS, LabelsAre.OBJECTS)
    for image, (_, truth) in zip(found, cells, strict=True):
        assert np.array_equal(image.labels > 1, truth > 0)
        assert (image.labels > 0).all()
    found, _ = read_annotated(
        [folder / "images"], folder / "theirs" / "cell1.zip", Coding.PROJECT, LabelsAre.OBJECTS
    )
    assert np.array_equal(found[0].labels > 1, cells[1][1] > 0)
    assert set(np.unique(found[0].labels)) & {0, 1} == {0}, "outside of regions nothing is said"
    outlines = folder / "theirs" / "cell1.zip"
    for coding, background in ((Coding.BINARY, None), (Coding.ILASTIK, 1)):
        with pytest.raises(UserError, match="outlines"):
            read_annotated([folder / "images"], outlines, coding, LabelsAre.OBJECTS, background=background)


def test_the_pickle_of_cellpose_is_refused_and_the_mask_export_named(shell, folder):
    (folder / "cell0_seg.npy").write_bytes(b"\x93NUMPY")
    options = ("-o", folder / "m.safetensors", "--coding", "masks", "--labels-are", "objects")
    said = shell.fail("train", folder / "images", "--labels", folder / "cell0_seg.npy", *options)
    assert "cp_masks" in said


def test_a_value_of_ilastik_that_is_background_is_named(shell, folder, cells):
    painted = np.where(cells[0][1] > 0, 1, 2).astype(np.uint8)
    painted[:4] = 0
    tifffile.imwrite(folder / "cell0_Simple Segmentation.tif", painted)
    how = (Coding.ILASTIK, LabelsAre.CLASSES, None, None)
    image, labels = folder / "images" / "cell0.tif", folder / "cell0_Simple Segmentation.tif"
    ((one,), _) = read_annotated([image], labels, *how, background=2)
    assert np.array_equal(one.labels, np.select([painted == 1, painted == 2], [2, 1]))
    shell.run("measure", labels, "--background", 2, "-o", folder / "a.csv")
    with open(folder / "a.csv", encoding="utf-8") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["1"]
    shell.run("export", labels, "--background", 2, "-o", folder / "a.ome.tif")
    assert np.array_equal(read_labels(folder / "a.ome.tif").array, painted == 1)
    shell.run(
        "weights",
        labels,
        "-o",
        folder / "w.tif",
        "--coding",
        "ilastik",
        "--background",
        2,
        "--labels-are",
        "classes",
    )
    assert (tifffile.imread(folder / "w.tif")[:4] == 0).all()
    said = shell.fail("weights", labels, "-o", folder / "v.tif", "--coding", "ilastik")
    assert "which value is background" in said
