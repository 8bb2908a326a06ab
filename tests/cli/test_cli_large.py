"""The shell chooses blocks by itself, for what does not fit into the memory that it is allowed."""

import csv
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
import roifile
import tifffile
import zarr

from napari_unet.errors import UserError
from napari_unet.formats.images import read_labels
from napari_unet.objects.tables import measure_objects
from napari_unet.synthetic.cells import touching_cells

MAIN = "from napari_unet.cli import main; main()"
torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small network that knows nothing: its labels are as good as any for what is tested here."""
    from napari_unet.network.model_file import Model, ModelDescription, save_model
    from napari_unet.network.scaling import Normalisation
    from napari_unet.network.unet import UNet, UNetConfig

    torch.manual_seed(3)
    config = UNetConfig(in_channels=1, classes=2, depth=1, width=2)
    described = ModelDescription(
        name="tiny", network=config, normalisation=Normalisation(low=(0.0,), high=(1.0,)), object_size=20.0,
        labels_are="objects",
    )  # fmt: skip
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    save_model(Model(described, UNet(config)), path)
    return path


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    image, _ = touching_cells((600, 700), diameter=18)
    path = tmp_path_factory.mktemp("large") / "large.tif"
    tifffile.imwrite(path, image, tile=(128, 128), resolution=(20_000, 20_000), resolutionunit="CENTIMETER")
    return path


def little() -> str:
    """GB that suffice for one block, on top of what this process has taken."""
    return f"{psutil.Process().memory_info().rss / 1e9 + 0.45:.3f}"


def test_what_is_too_large_for_the_memory_becomes_ome_zarr(shell, large, model, tmp_path, monkeypatch):
    from napari_unet.workflow import large_files

    monkeypatch.setattr(large_files, "WHOLE_BYTES", 1e4)  # as if the image were a hundred times as large
    arguments = ("segment", large, "--model", model, "--memory", little())
    result = shell.run(*arguments, "-o", tmp_path / "out", "--probabilities")
    assert str(tmp_path / "out" / "large.zarr") in result.stdout
    labels = np.asarray(zarr.open_array(tmp_path / "out" / "large.zarr" / "0", mode="r")[...])
    assert labels.shape == (600, 700)
    assert f"{len(np.unique(labels)) - 1} objects" in result.stdout
    said = zarr.open_array(tmp_path / "out" / "large_probabilities.zarr" / "0", mode="r")
    assert (said.shape, said.dtype) == ((1, 600, 700), np.uint16)
    shell.run(*arguments, "-o", tmp_path / "large.tif")
    read = read_labels(tmp_path / "large.tif")
    np.testing.assert_array_equal(read.array, labels)
    assert read.pixel_size_um == 0.5
    assert not list(tmp_path.glob("*.zarr"))


def test_an_image_that_fits_stays_in_one_piece_unless_ome_zarr_is_asked_for(shell, large, model, tmp_path):
    shell.run("segment", large, "--model", model, "-o", tmp_path / "out")
    whole = read_labels(tmp_path / "out" / "large.tif").array
    shell.run("segment", large, "--model", model, "-o", tmp_path / "large.zarr", "--memory", little())
    labels = np.asarray(zarr.open_array(tmp_path / "large.zarr" / "0", mode="r")[...])
    np.testing.assert_array_equal(labels > 0, whole > 0)
    shell.run("segment", large, "--model", model, "-o", tmp_path / "large.zarr", "--memory", little())


def test_mistakes_are_one_sentence(shell, large, model, tmp_path):
    arguments = ("segment", large, "--model", model)
    assert "--memory must be above 0" in shell.fail(*arguments, "-o", tmp_path / "a.tif", "--memory", -1)
    assert "too little" in shell.fail(*arguments, "-o", tmp_path / "a.zarr", "--memory", 0.01)
    assert "is one file" in shell.fail("segment", large.parent, "--model", model, "-o", tmp_path / "a.zarr")
    (tmp_path / "b.zarr").mkdir()
    (tmp_path / "b.zarr" / "letter.txt").write_text("Dear …")
    assert "holds something else" in shell.fail(*arguments, "-o", tmp_path / "b.zarr", "--memory", little())
    shell.run(*arguments, "-o", tmp_path / "c.zarr", "--memory", little())
    again = shell.fail("segment", tmp_path / "c.zarr", "--model", model, "-o", tmp_path / "c.zarr")
    assert "would overwrite a file that is read" in again


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(large, model, tmp_path):
    output = tmp_path / "o.zarr"
    command = [sys.executable, "-c", MAIN, "segment", str(large), "--model", str(model), "-o", str(output)]
    command += ["--tile", "96", "--memory", "1.2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not (tmp_path / "o.unfinished.zarr" / "journal.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    if process.returncode == 0:
        pytest.skip("it was done before it could be interrupted")
    assert process.returncode == 130
    assert "blocks are done and kept" in said
    again = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert again.returncode == 0, again.stderr
    assert "going on from there" in again.stderr
    assert output.is_dir()


@pytest.mark.slow
def test_outlines_and_measurements_are_made_block_by_block_and_gone_on_with(
    shell, large, model, tmp_path, monkeypatch
):
    from napari_unet.workflow import large_files

    arguments = ("segment", large, "--model", model, "-o", tmp_path / "large.zarr", "--rois", "--table")
    with monkeypatch.context() as broken:

        def fail(*_):
            raise UserError("The disk is full.")

        broken.setattr(large_files, "write_beside", fail)
        assert "disk is full" in shell.fail(*arguments, "--memory", "4")
    assert not (tmp_path / "large.zarr").exists()
    result = shell.run(*arguments, "--memory", "4")
    assert "blocks were done before" in result.stderr
    labels = np.asarray(zarr.open_array(tmp_path / "large.zarr" / "0", mode="r")[...])
    expected = measure_objects(labels, tifffile.imread(large), 0.5)
    with open(tmp_path / "large_objects.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(expected)
    for name in ("label", "area", "centroid-x_um", "intensity_mean-0", "cut_by_edge"):
        np.testing.assert_allclose([float(row[name]) for row in rows], expected[name], rtol=1e-5)
    assert len(roifile.roiread(tmp_path / "large.zip")) == len(rows)
