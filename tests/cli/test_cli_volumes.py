"""Volumes from the shell: train from a stack with some planes painted, segment another."""

import numpy as np
import pytest
import tifffile

from napari_unet.formats.images import read_labels

torch = pytest.importorskip("torch")
FEW = ("--steps", 2, "--threads", 1, "--labels-are", "objects", "--device", "cpu", "--start", "scratch")
SPACING = {"axes": "ZYX", "unit": "um", "spacing": 2.0}


@pytest.fixture(scope="module", autouse=True)
def tiny():
    """Train a network of a few weights on small patches, so that a step takes no time."""
    from napari_unet.network import training_settings
    from napari_unet.network.architecture import laptop3d

    def tiny_network(*args):
        return laptop3d(*args).model_copy(update={"width": 4, "depth": 2, "flat_levels": 1})

    recipe = training_settings.RECIPES["laptop3d"].model_copy(update={"patch_size": 32, "batch_size": 2})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(training_settings.RECIPES, "laptop3d", recipe)
        patch.setattr(training_settings, "laptop3d", tiny_network)
        yield


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """A stack of two balls with planes 4 and 6 painted in the project's coding; 0.5 µm wide, 2 µm apart."""
    folder = tmp_path_factory.mktemp("stack")
    z, y, x = np.ogrid[:10, :64, :64]
    balls = np.zeros((10, 64, 64), np.uint16)
    for number, (b, c) in enumerate([(20, 20), (44, 44)], start=2):
        balls[((z - 5) * 4) ** 2 + (y - b) ** 2 + (x - c) ** 2 <= 14**2] = number
    image = (100 + 400 * (balls > 0)).astype(np.uint16)
    labels = np.zeros_like(balls)
    labels[[4, 6]] = np.maximum(balls[[4, 6]], 1)
    tifffile.imwrite(folder / "balls.tif", image, imagej=True, resolution=(2, 2), metadata=SPACING)
    (folder / "labels").mkdir()
    tifffile.imwrite(folder / "labels" / "balls.tif", labels, imagej=True, metadata={"axes": "ZYX"})
    return folder


@pytest.fixture(scope="module")
def model(tiny, stack):
    from typer.testing import CliRunner

    from napari_unet.cli import app

    path = stack / "volumes.safetensors"
    where = (stack / "balls.tif", "--labels", stack / "labels", "-o", path, "--coding", "project")
    result = CliRunner().invoke(app, [str(word) for word in ("train", *where, *FEW, "--3d")])
    assert result.exit_code == 0, result.stderr
    assert "does not say" not in result.stderr
    return path


def test_a_stack_is_learned_from_and_segmented_as_a_volume(shell, stack, model, tmp_path):
    from napari_unet.network.model_file import load_model

    description = load_model(model).description
    assert description.axes == "CZYX"
    assert description.plane_step == pytest.approx(4 * description.scale)
    result = shell.run("segment", stack / "balls.tif", "-o", tmp_path / "out.tif", "--model", model)
    assert "objects" in result.stdout
    assert read_labels(tmp_path / "out.tif").array.shape == (10, 64, 64)


def test_the_distance_of_planes_is_read_or_told():
    from napari_unet.formats.images import ImageFile
    from napari_unet.workflow.volume_files import stack_in

    file = ImageFile("film", np.zeros((2, 3, 8, 8)), "ZTYX", 0.5, False, plane_distance_um=2.0)
    pixels = {index: np.full((1, 8, 8), index[0]) for index in np.ndindex(2, 3)}
    stack = stack_in(file, pixels, (1, 2))
    assert (stack.name, stack.number, stack.n, stack.step) == ("film stack 2", 1, 2, 4.0)
    assert stack.read(0, 2)[0, :, 0, 0].tolist() == [0, 1]
    assert stack_in(file, pixels, (1, 2), 3.0).step == 3.0


def test_what_does_not_fit_is_one_sentence(shell, folder, model, tmp_path):
    path = tmp_path / "volumes.safetensors"
    common = ("--labels", folder / "labels", "-o", path, "--coding", "masks", *FEW)
    assert "is no plane of a stack" in shell.fail("train", folder / "images", *common, "--3d")
    assert "--plane-distance must be above 0" in shell.fail(
        "train", folder / "images", *common, "--3d", "--plane-distance", 0
    )
    cell = folder / "images" / "cell0.tif"
    alone = shell.fail("segment", cell, "-o", tmp_path / "out.tif", "--model", model)
    assert "has no axis Z" in alone
