"""Train, segment and evaluate from the shell, with a training of a few steps."""

import json
import signal

import numpy as np
import pytest
import tifffile

from napari_unet.formats.images import read_image, read_labels

torch = pytest.importorskip("torch")
FEW = ("--steps", 3, "--threads", 1, "--coding", "masks", "--labels-are", "objects", "--device", "cpu")


@pytest.fixture(scope="module", autouse=True)
def tiny():
    """Train a network of a few weights on small patches, so that a step takes no time."""
    from napari_unet.network import training_settings
    from napari_unet.network.unet import UNetConfig
    from napari_unet.workflow import training

    def tiny_network(in_channels, classes, distance):
        return UNetConfig(in_channels=in_channels, classes=classes, distance=distance, width=4, depth=2)

    recipe = training_settings.RECIPES["laptop"].model_copy(update={"patch_size": 32, "batch_size": 2})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(training_settings.RECIPES, "laptop", recipe)
        for module in (training_settings, training):
            patch.setattr(module, "laptop", tiny_network, raising=False)
        yield


@pytest.fixture(scope="module")
def model(tiny, tmp_path_factory, cells):
    """A model file of a training of three steps."""
    from typer.testing import CliRunner

    from napari_unet.cli import app

    folder = tmp_path_factory.mktemp("model")
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for k, (image, truth) in enumerate(cells):
        tifffile.imwrite(folder / "images" / f"cell{k}.tif", image)
        tifffile.imwrite(folder / "labels" / f"cell{k}.tif", truth.astype(np.uint16))
    path = folder / "model.safetensors"
    arguments = ["train", folder / "images", "--labels", folder / "labels", "-o", path, *FEW]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.stderr
    assert "3 steps" in result.stdout
    return path


def test_train_segment_evaluate(shell, folder, model):
    result = shell.run(
        "segment",
        folder / "images",
        "-o",
        folder / "out",
        "--model",
        model,
        "--probabilities",
        "--device",
        "cpu",
    )
    assert len(result.stdout.splitlines()) == 2
    names = {"cell0.tif", "cell1.tif", "cell0_probabilities.tif", "cell1_probabilities.tif"}
    names |= {"results.csv", ".napari-unet-batch.json"}
    assert {p.name for p in (folder / "out").iterdir()} == names
    labels = read_labels(folder / "out" / "cell0.tif").array
    maps = read_image(folder / "out" / "cell0_probabilities.tif")
    assert labels.shape == (80, 96)
    assert (maps.axes, maps.array.shape, maps.array.dtype) == ("CYX", (2, 80, 96), np.float32)
    assert np.allclose(maps.array.sum(axis=0), 1, atol=1e-3)
    scores = json.loads(shell.run("evaluate", folder / "out", folder / "labels", "--json").stdout)
    assert 0 <= scores["mean"]["foreground_iou"] <= 1


@pytest.mark.slow
def test_steps_and_seed_give_the_same_network_twice(shell, folder, model):
    from napari_unet.network.model_file import load_model

    again = folder / "again.safetensors"
    shell.run("train", folder / "images", "--labels", folder / "labels", "-o", again, *FEW)
    first, second = load_model(model).network.state_dict(), load_model(again).network.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = folder / "other.safetensors"
    shell.run("train", folder / "images", "--labels", folder / "labels", "-o", other, *FEW, "--seed", 1)
    third = load_model(other).network.state_dict()
    assert not all(torch.equal(first[name], third[name]) for name in first)


def test_how_different_images_are_seen_can_be_said(shell, folder):
    from napari_unet.network.model_file import load_model

    path = folder / "seen.safetensors"
    seen = ("--magnification", "per-image", "--grey-range", "as-in-training")
    shell.run("train", folder / "images", "--labels", folder / "labels", "-o", path, *FEW, *seen)
    description = load_model(path).description
    assert (description.magnification, description.normalisation.mode) == ("per image", "as in training")


def test_a_training_goes_on_from_a_file(shell, folder, model):
    path = folder / "more.safetensors"
    shell.run("train", folder / "images", "--labels", folder / "labels", "-o", path, *FEW, "--start", model)
    assert path.stat().st_size > 1000


def test_ctrl_c_keeps_the_network_so_far(shell, folder, monkeypatch):
    from napari_unet import workflow
    from napari_unet.network.model_file import load_model

    train_model = workflow.train_model
    before = signal.getsignal(signal.SIGINT)

    def interrupted(*arguments, on_report, **keywords):
        def report(now):
            on_report(now)
            if now.step:  # before, there is nothing that was learned
                signal.raise_signal(signal.SIGINT)

        return train_model(*arguments, on_report=report, **keywords)

    monkeypatch.setattr(workflow, "train_model", interrupted, raising=False)
    arguments = [argument for argument in FEW if argument not in ("--steps", 3)]
    result = shell.run(
        "train", folder / "images", "--labels", folder / "labels", "-o", folder / "m.safetensors",
        "--minutes", 5, *arguments,
    )  # fmt: skip
    assert "Stopping, and keeping the best network so far" in result.stderr
    assert load_model(folder / "m.safetensors").description.name == "m"
    assert signal.getsignal(signal.SIGINT) is before


def test_memory_that_runs_out_is_said(shell, folder, monkeypatch):
    from napari_unet.network.training import Training

    measure_loss = Training._measure_loss

    def run_out(self, batch):
        if len(batch) > 1:
            raise MemoryError
        return measure_loss(self, batch)

    monkeypatch.setattr(Training, "_measure_loss", run_out)
    arguments = ("train", folder / "images", "--labels", folder / "labels", "-o", folder / "m.safetensors")
    said = shell.run(*arguments, *FEW, "--start", "scratch").stderr
    assert "Memory ran out: going on with 1 patch of 32 px per step." in said


def test_one_image_goes_into_one_file_and_keeps_its_pixel_size(shell, folder, cells, model):
    tifffile.imwrite(
        folder / "sized.tif",
        cells[0][0],
        imagej=True,
        resolution=(2, 2),
        metadata={"unit": "um", "axes": "YX"},
    )
    shell.run("segment", folder / "sized.tif", "-o", folder / "labels.tif", "--model", model, "--tile", 64)
    assert read_labels(folder / "labels.tif").pixel_size_um == pytest.approx(0.5)


def test_every_plane_of_a_stack_is_segmented(shell, folder, cells, model):
    stack = np.stack([image for image, _ in cells] * 2).reshape(2, 2, 80, 96)
    tifffile.imwrite(folder / "stack.tif", stack, imagej=True, metadata={"axes": "TZYX"})
    shell.run("segment", folder / "stack.tif", "-o", folder / "out.tif", "--model", model, "--probabilities")
    labels = read_labels(folder / "out.tif")
    assert (labels.axes, labels.array.shape) == ("TZYX", (2, 2, 80, 96))
    assert np.array_equal(labels.array[0], labels.array[1])
    assert read_image(folder / "out_probabilities.tif").axes == "TZCYX"


def test_one_bad_image_does_not_cost_the_others(shell, folder, model):
    (folder / "images" / "broken.tif").write_text("no image")
    said = shell.fail("segment", folder / "images", "-o", folder / "out", "--model", model)
    assert said.startswith("1 of 3 images")
    assert "broken.tif" in said
    assert sorted(p.name for p in (folder / "out").glob("*.tif")) == ["cell0.tif", "cell1.tif"]
    assert "damaged" in (folder / "out" / "results.csv").read_text(encoding="utf-8")
    (folder / "images" / "broken.tif").unlink()
    result = shell.run("segment", folder / "images", "-o", folder / "out", "--model", model)
    assert result.stdout.count("(made before)") == 2
    everything = ("--rois", "--table", "--again")
    result = shell.run(
        "segment", folder / "images" / "*0.tif", "-o", folder / "one", "--model", model, *everything
    )
    assert {p.name for p in (folder / "one").iterdir()} == {"cell0.tif", "cell0.zip", "cell0_objects.csv"}


@pytest.mark.parametrize("kind", ["nan", "thin", "big-endian"])  # more of them: session/test_bad_input.py
def test_odd_pixels_are_segmented_all_the_same(shell, folder, cells, model, kind):
    image = cells[0][0].astype(float)
    images = {
        "nan": np.where(image > image.mean(), np.nan, np.inf).astype(np.float32),
        "thin": image[:1].astype(np.uint16),
        "big-endian": image.astype(">u2"),
    }
    byteorder = ">" if kind == "big-endian" else None
    tifffile.imwrite(folder / "odd.tif", images[kind], byteorder=byteorder)
    shell.run(
        "segment", folder / "odd.tif", "-o", folder / "odd labels.tif", "--model", model, "--device", "cpu"
    )
    assert read_labels(folder / "odd labels.tif").array.shape == images[kind].shape
