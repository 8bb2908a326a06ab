import csv
import json

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from napari_unet.annotation.coding import Coding, to_annotation
from napari_unet.annotation.targets import make_target
from napari_unet.annotation.weight_map import WeightMapSettings, weight_map
from napari_unet.cli import app
from napari_unet.formats.images import read_image


def test_the_truth_agrees_with_itself(shell, folder):
    result = shell.run("evaluate", folder / "labels", folder / "labels", "--json")
    scores = json.loads(result.stdout)
    assert set(scores["images"]) == {"cell0", "cell1"}
    for measure in ("foreground_iou", "f1", "ap50", "ap50_95", "panoptic_quality", "seg"):
        assert scores["mean"][measure] == pytest.approx(1)
    for measure in ("pixel_error", "merges", "splits", "rand_error", "warping_error"):
        assert scores["mean"][measure] == pytest.approx(0)
    assert "panoptic quality" in shell.run("evaluate", folder / "labels", folder / "labels").stdout


def test_a_lost_object_costs_recall_only(shell, folder, cells):
    truth = cells[0][1]
    tifffile.imwrite(folder / "less.tif", np.where(truth == 1, 0, truth).astype(np.uint16))
    result = shell.run("evaluate", folder / "less.tif", folder / "labels" / "cell0.tif", "--json")
    scores = json.loads(result.stdout)["mean"]
    assert scores["precision"] == 1
    assert scores["recall"] == pytest.approx(1 - 1 / truth.max())


def test_not_annotated_truth_is_left_out(shell, folder, cells):
    truth = cells[0][1]
    tifffile.imwrite(folder / "wrong.tif", np.where(np.arange(96) < 48, truth, 1).astype(np.uint16))
    half = np.where(np.arange(96) < 48, truth + 1, 0)
    tifffile.imwrite(folder / "half.tif", half.astype(np.uint16))
    arguments = ("evaluate", folder / "wrong.tif", folder / "half.tif", "--json")
    assert json.loads(shell.run(*arguments, "--coding", "project").stdout)["mean"]["pixel_error"] == 0
    assert json.loads(shell.run(*arguments).stdout)["mean"]["pixel_error"] > 0.2


def test_classes_are_measured_by_their_overlap(shell, tmp_path):
    truth = np.repeat([0, 1, 2], 4)[None].repeat(6, axis=0).astype(np.uint8)
    tifffile.imwrite(tmp_path / "truth.tif", truth)
    tifffile.imwrite(tmp_path / "predicted.tif", np.where(truth == 2, 1, truth))
    result = shell.run(
        "evaluate", tmp_path / "predicted.tif", tmp_path / "truth.tif", "--labels-are", "classes", "--json"
    )
    assert json.loads(result.stdout)["mean"]["mean_iou"] == pytest.approx((1 + 0.5 + 0) / 3)


def test_tables_and_pictures_of_the_errors_are_written(shell, folder, cells):
    truth = cells[0][1]
    tifffile.imwrite(folder / "less.tif", np.where(truth == 1, 0, truth).astype(np.uint16))
    out = folder / "judged"
    result = shell.run("evaluate", folder / "less.tif", folder / "labels" / "cell0.tif", "-o", out)
    with open(out / "less_objects.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["verdict"] for row in rows].count("missed") == 1
    assert len(rows) == truth.max()
    picture = iio.imread(out / "less_errors.png", mode="RGB")
    assert picture.shape == (*truth.shape, 3)
    assert (picture[truth == 1] == (0xF0, 0xE4, 0x42)).all()
    assert (picture[truth == 2] == (0x00, 0x9E, 0x73)).all()
    assert not picture[truth == 0].any()
    assert "unseen images" in " ".join(result.stdout.split())


def test_intervals_are_of_all_objects_of_all_images(shell, folder):
    result = shell.run("evaluate", folder / "labels", folder / "labels", "--json")
    value, low, high = json.loads(result.stdout)["intervals"]["F1"]
    assert low < value == high == 1


def test_a_table_of_objects_needs_objects_and_a_folder(shell, folder):
    labels = folder / "labels" / "cell0.tif"
    said = shell.fail("evaluate", labels, labels, "--labels-are", "classes", "-o", folder / "judged")
    assert "objects" in said
    assert "is a file" in shell.fail("evaluate", labels, labels, "-o", labels)


@pytest.mark.parametrize(
    ("predicted", "truth", "said"),
    [
        ("missing.tif", "labels/cell0.tif", "missing.tif"),
        ("labels", "empty", "empty holds no images"),
        ("labels", "other", "other1"),
        ("broken.tif", "labels/cell0.tif", "broken.tif"),
        ("small.tif", "labels/cell0.tif", "same size"),
        ("float.tif", "labels/cell0.tif", "fractions"),
        ("stack.tif", "stack.tif", "stack"),
        ("notes.txt", "labels/cell0.tif", "notes.txt"),
    ],
)
def test_bad_input_of_evaluate(shell, folder, predicted, truth, said):
    (folder / "empty").mkdir()
    (folder / "other").mkdir()
    for k in (0, 1):
        tifffile.imwrite(folder / "other" / f"other{k}.tif", np.zeros((80, 96), np.uint8))
    (folder / "broken.tif").write_text("no image")
    (folder / "notes.txt").write_text("no image")
    tifffile.imwrite(folder / "small.tif", np.zeros((8, 8), np.uint8))
    tifffile.imwrite(folder / "float.tif", np.full((80, 96), 0.5, np.float32))
    tifffile.imwrite(
        folder / "stack.tif", np.zeros((3, 80, 96), np.uint8), imagej=True, metadata={"axes": "ZYX"}
    )
    assert said in shell.fail("evaluate", folder / predicted, folder / truth)


@pytest.mark.parametrize("preset", ["ronneberger2015", "falk2019"])
def test_weights_are_those_of_training(shell, folder, cells, preset):
    shell.run(
        "weights",
        folder / "labels" / "cell0.tif",
        "-o",
        folder / "w.tif",
        "--coding",
        "masks",
        "--preset",
        preset,
    )
    written = read_image(folder / "w.tif")
    target = make_target(to_annotation(cells[0][1], Coding.MASKS))
    expected = weight_map(target, getattr(WeightMapSettings, preset)())
    assert (written.array.dtype, written.axes) == (np.float32, "YX")
    assert np.array_equal(written.array, expected)


def test_weights_of_a_folder_go_into_a_folder(shell, folder):
    shell.run("weights", folder / "labels", "-o", folder / "weights", "--coding", "masks")
    assert sorted(p.name for p in (folder / "weights").iterdir()) == ["cell0.tif", "cell1.tif"]


@pytest.mark.parametrize(
    ("output", "said"),
    [("labels", "overwrite"), ("one.tif", "give a folder"), ("w.png", "must end in .tif")],
)
def test_weights_never_overwrite_what_is_read(shell, folder, output, said):
    assert said in shell.fail("weights", folder / "labels", "-o", folder / output, "--coding", "masks")
    assert read_image(folder / "labels" / "cell0.tif").array.dtype == np.uint16


def test_the_coding_is_asked_never_guessed(shell, folder):
    result = shell.runner.invoke(
        app,
        ["weights", str(folder / "labels"), "-o", str(folder / "weights")],
    )
    assert result.exit_code == 2
    assert "--coding" in result.stderr


def test_json_is_json_also_where_a_measure_is_not_defined(shell, tmp_path):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    tifffile.imwrite(tmp_path / "nothing.tif", np.zeros((30, 40), np.uint8))
    printed = shell.run("evaluate", tmp_path / "nothing.tif", tmp_path / "nothing.tif", "--json").stdout
    found = json.loads(printed, parse_constant=refuse)
    assert found["images"]["nothing"]["foreground_restricted_rand"] is None
    assert found["images"]["nothing"]["pixel_error"] == 0
