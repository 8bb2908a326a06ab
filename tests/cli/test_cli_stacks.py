"""Stacks on the shell: axes, linking, tables."""

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage
from typer.testing import CliRunner

from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.cli import app
from napari_unet.cli.annotated import read_annotated
from napari_unet.errors import UserError
from napari_unet.formats.images import read_labels
from napari_unet.workflow import Segmented

runner = CliRunner()


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two columns of light through five planes, and a network that is a threshold."""

    def fake(model: object, image: np.ndarray, **_: object) -> Segmented:
        labels = ndimage.label(image[0] > 100)[0].astype(np.int32)
        return Segmented(labels, np.stack([labels == 0, labels > 0]).astype(np.float32), None, 1.0)

    monkeypatch.setattr("napari_unet.workflow.segment_image", fake)
    image = np.zeros((5, 40, 60), np.uint8)
    image[:, 10:20, 40:50] = 200
    image[1:, 5:9, 10:20] = 200
    path = tmp_path / "cells.tif"
    about = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
    tifffile.imwrite(path, image, imagej=True, metadata=about, resolution=(2, 2))
    return path


def run(*arguments: object) -> str:
    done = runner.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_planes_are_linked_into_3d_objects_and_measured_in_micrometres(stack: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.tif"
    assert "2 objects" in run("segment", stack, "-o", out, "--link", "z", "--table")
    labels = read_labels(out).array
    assert len(np.unique(labels[:, 15, 45])) == len(np.unique(labels[1:, 7, 15])) == 1
    table = rows_of(tmp_path / "labels_objects.csv")
    assert sorted(int(row["volume"]) for row in table) == [160, 500]
    assert sorted(float(row["volume_um3"]) for row in table) == [80.0, 250.0]


def test_without_linking_each_plane_counts_its_own(stack: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.tif"
    assert "9 objects" in run("segment", stack, "-o", out, "--table")
    assert [row["z"] for row in rows_of(tmp_path / "labels_objects.csv")][:3] == ["0", "1", "1"]


def test_axes_that_the_file_says_wrong_are_said_on_the_shell(stack: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.tif"
    assert "2 objects" in run("segment", stack, "-o", out, "--axes", "TYX", "--link", "t", "--table")
    assert {row["t"] for row in rows_of(tmp_path / "labels_objects.csv")} == set("01234")
    for arguments, why in [
        (("--link", "t"), "there is no T"),
        (("--axes", "TZYX"), "names 4 axes"),
        (("--link", "z", "--least-overlap", "2"), "between 0 and 1"),
    ]:
        failed = runner.invoke(app, ["segment", str(stack), "-o", str(out), *arguments])
        assert failed.exit_code == 1
        assert why in " ".join(failed.stderr.split())


def test_only_painted_planes_of_a_stack_train(stack: Path, tmp_path: Path) -> None:
    labels = np.zeros((5, 40, 60), np.uint16)
    labels[2, 5:25, 35:55] = 1
    labels[2, 10:20, 40:50] = 2
    painted = tmp_path / "painted" / "cells.tif"
    painted.parent.mkdir()
    tifffile.imwrite(painted, labels, metadata={"axes": "ZYX"})
    found, _ = read_annotated([stack], painted.parent, Coding.PROJECT, LabelsAre.OBJECTS)
    assert [image.name for image in found] == ["cells Z2"]
    tifffile.imwrite(painted, 0 * labels, metadata={"axes": "ZYX"})
    with pytest.raises(UserError, match="Nothing is annotated"):
        read_annotated([stack], painted.parent, Coding.PROJECT, LabelsAre.OBJECTS)
