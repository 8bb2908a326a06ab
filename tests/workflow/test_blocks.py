"""Block by block comes out what comes out in one piece."""

import json

import numpy as np
import pytest
import torch
import zarr
from block_scenes import SIZE, crowd, in_blocks, lazy, little_memory, matched

from napari_unet.errors import Stopped, UserError
from napari_unet.network.model_file import Model
from napari_unet.network.planes import Part
from napari_unet.network.prediction import Averaging, predict, reach_of
from napari_unet.network.scaling import resample_image, resample_probability
from napari_unet.network.unet import UNet, UNetConfig
from napari_unet.objects.separate import SeparationSettings
from napari_unet.workflow import segment_image
from napari_unet.workflow.blocks.compute import FULL
from napari_unet.workflow.blocks.grid import Grid
from napari_unet.workflow.blocks.plan import CHUNK, make_plan
from napari_unet.workflow.blocks.resampling import resample, taps
from napari_unet.workflow.blocks.segmentation import unfinished_of


@pytest.fixture(scope="module")
def image():
    return crowd()


@pytest.fixture(scope="module")
def model(learned) -> Model:
    """As in training, so that one grey range holds in one piece and in blocks."""
    description = learned.model.description
    fixed = description.normalisation.model_copy(update={"mode": "as in training"})
    return Model(description.model_copy(update={"normalisation": fixed}), learned.model.network)


@pytest.fixture(scope="module")
def whole(model, image):
    return segment_image(model, image, object_size=SIZE, device="cpu")


@pytest.fixture(scope="module")
def blocks(model, image, tmp_path_factory):
    folder = tmp_path_factory.mktemp("blocks")
    done = in_blocks(model, image, folder / "crowd.zarr", probabilities=folder / "said.zarr")
    return done, read(folder / "crowd.zarr"), read(folder / "said.zarr")


def read(folder, level="0"):
    return np.asarray(zarr.open_array(folder / level, mode="r")[...])


@pytest.mark.parametrize("scale", [0.37, 1.0, 1.7])
def test_a_part_is_resampled_as_in_the_whole(scale):
    image = np.random.default_rng(0).random((2, 301, 407), np.float32)
    small = resample_image(image, scale)
    back = resample_probability(small, (301, 407))
    for given, made, antialias in ((image, small, scale < 1), (small, back, scale > 1)):
        rows = taps(40, 77, made.shape[1], given.shape[1], antialias)
        columns = taps(0, made.shape[2], made.shape[2], given.shape[2], antialias)
        part = resample(given[:, rows.start : rows.stop, columns.start : columns.stop], rows, columns)
        np.testing.assert_allclose(part, made[:, 40:77], atol=1e-5)


@pytest.mark.parametrize("averaging", list(Averaging))
@pytest.mark.parametrize("padded", [True, False])
def test_a_box_is_predicted_from_its_surroundings_as_in_the_whole(averaging, padded):
    torch.manual_seed(0)
    network = UNet(UNetConfig(in_channels=1, classes=2, width=2, depth=2, padded=padded))
    image = np.random.default_rng(0).random((1, 150, 170), np.float32)
    whole = predict(network, image, averaging=averaging, device="cpu")
    grid = Grid(150, 170, 64)
    for index in grid:
        y0, y1, x0, x1 = grid.box(index, reach_of(network.config, averaging, 64))
        part = Part(image[:, y0:y1, x0:x1], y0, x0, image.shape)
        box = grid.box(index)
        predicted = predict(network, part, averaging=averaging, device="cpu", box=box)
        np.testing.assert_allclose(predicted, whole[:, box[0] : box[1], box[2] : box[3]], atol=1e-5)


def test_a_part_does_not_answer_for_what_it_does_not_hold():
    part = Part(np.zeros((1, 4, 4), np.float32), 10, 10, (1, 50, 50))
    with pytest.raises(IndexError):
        part[:, np.array([[9]]), np.array([[10]])]


def test_objects_are_those_of_one_piece(blocks, whole):
    done, labels, _ = blocks
    equal, n = matched(whole.labels, labels)
    assert (n, equal) == (len(np.unique(whole.labels)) - 1, n)
    assert done.n_objects == n == labels.max() == len(np.unique(labels)) - 1


def test_probabilities_are_those_of_one_piece(blocks, whole):
    said = resample_probability(blocks[2].astype(np.float32), whole.labels.shape)
    np.testing.assert_allclose(said[0] / FULL, whole.probabilities[1], atol=5e-5)
    np.testing.assert_allclose(said[1] / FULL, whole.distance, atol=5e-5)


@pytest.mark.parametrize("object_size", [20.0, 45.0])
def test_objects_are_those_of_one_piece_at_other_scales(model, image, object_size, tmp_path):
    whole = segment_image(model, image, object_size=object_size, device="cpu")
    done = in_blocks(model, image, tmp_path / "o.zarr", object_size=object_size)
    equal, n = matched(whole.labels, read(done.labels))
    assert n > 5
    assert n - equal <= max(1, 0.001 * n)  # with PyTorch 2.6 one of 501 differs


def test_what_is_written_is_an_ome_zarr_label_image(blocks):
    done, labels, _ = blocks
    attributes = json.loads((done.labels / ".zattrs").read_text())
    multiscale = attributes["multiscales"][0]
    assert multiscale["version"] == attributes["image-label"]["version"] == "0.4"
    assert [axis["name"] for axis in multiscale["axes"]] == ["y", "x"]
    for k, dataset in enumerate(multiscale["datasets"]):
        np.testing.assert_array_equal(read(done.labels, dataset["path"]), labels[:: 2**k, :: 2**k])
        assert dataset["coordinateTransformations"][0]["scale"] == [2.0**k] * 2
    assert k == 2
    ome_zarr = pytest.importorskip("ome_zarr.reader")
    nodes = list(ome_zarr.Reader(pytest.importorskip("ome_zarr.io").parse_url(done.labels))())
    np.testing.assert_array_equal(np.asarray(nodes[0].data[0]), labels)


def test_a_stopped_run_is_gone_on_with(model, image, blocks, tmp_path):
    memory, came, told = little_memory(), [], []
    output = tmp_path / "o.zarr"
    until_two = {"on_block": came.append, "should_stop": lambda: len(came) == 2}
    with pytest.raises(Stopped, match="2 of 6 blocks are done and kept"):
        in_blocks(model, image, output, memory=memory, **until_two)
    assert unfinished_of(output).is_dir()
    assert not output.exists()
    again = []
    in_blocks(model, image, output, memory=memory, tell=told.append, on_block=again.append)
    assert told == ["2 of 6 blocks were done before; going on from there."]
    assert len(again) == 4
    np.testing.assert_array_equal(read(output), blocks[1])
    assert not unfinished_of(output).exists()


def test_a_program_that_has_grown_meanwhile_goes_on_all_the_same(model, image, tmp_path):
    """The window takes more memory at one time than at another, and blocks what is allowed on top of it."""
    output, told = tmp_path / "o.zarr", list[str]()
    came: list[object] = []
    stop_at_one = {"on_block": came.append, "should_stop": lambda: len(came) == 1}
    with pytest.raises(Stopped):
        in_blocks(model, image, output, on_top=0.3e9, **stop_at_one)
    grown = np.ones(20_000_000)
    came.clear()
    with pytest.raises(Stopped):
        in_blocks(model, image, output, on_top=0.3e9, tell=told.append, **stop_at_one)
    assert told == ["1 of 6 blocks were done before; going on from there."]
    assert grown.all()


def test_other_settings_begin_anew(model, image, tmp_path):
    memory, output = little_memory(), tmp_path / "o.zarr"
    with pytest.raises(Stopped):
        in_blocks(model, image, output, memory=memory, should_stop=lambda: True)
    told: list[str] = []
    separation = SeparationSettings(threshold=0.6)
    in_blocks(model, image, output, memory=memory, separation=separation, tell=told.append)
    assert not told


def test_what_is_looked_at_comes_first(model, image, tmp_path):
    came = []
    looked_at = lambda: (530, 560, 1040, 1090)  # noqa: E731
    in_blocks(model, image, tmp_path / "o.zarr", looked_at=looked_at, on_block=came.append)
    assert came[0] == (512, 570, 1024, 1100)
    assert len(came) == 6


def test_numbers_do_not_depend_on_where_one_looks_first(model, image, blocks, tmp_path):
    done = in_blocks(model, image, tmp_path / "o.zarr", looked_at=lambda: (500, 530, 500, 530))
    equal, n = matched(blocks[1], read(done.labels), 1.0)
    assert equal == n == done.n_objects


def test_an_object_that_no_block_sees_whole_has_one_number(model, tmp_path):
    image = np.full((1, 1030, 1030), 200, np.uint16)
    y, x = np.mgrid[:1030, :1030]
    image[0][abs(y - x) < 10] = 800  # a fibre through all blocks
    image[0][abs(y + x - 1029) < 10] = 800  # and one that crosses it
    components = SeparationSettings(method="components")
    done = in_blocks(model, image, tmp_path / "o.zarr", separation=components)
    labels = read(done.labels)
    assert done.n_objects == 1
    assert len(np.unique(labels)) == 2
    assert labels[5, 5] == labels[1020, 1020] == labels[1020, 8] > 0


def test_classes_are_those_of_one_piece(model, image, tmp_path):
    described = model.description.model_copy(update={"labels_are": "classes"})
    of_classes = Model(described, model.network)
    whole = segment_image(of_classes, image, object_size=SIZE, device="cpu")
    done = in_blocks(of_classes, image, tmp_path / "o.zarr")
    assert (whole.labels != read(done.labels)).mean() < 1e-4


def test_nothing_found_is_said_with_what_would_help(model, tmp_path):
    image = np.full((1, 600, 600), 200, np.uint16)
    image[0, 300:310, 300:310] = 400
    done = in_blocks(model, image, tmp_path / "o.zarr", separation=SeparationSettings(threshold=0.99))
    assert done.n_objects == 0
    assert "highest probability" in done.sentences[-1]


def test_too_little_memory_is_one_sentence(model, image, tmp_path):
    with pytest.raises(UserError, match=r"too little: allow at least \d\.\d GB"):
        in_blocks(model, image, tmp_path / "o.zarr", memory=1e8)


def test_a_folder_of_something_else_is_left_alone(model, image, tmp_path):
    theirs = unfinished_of(tmp_path / "o.zarr")
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("three years")
    with pytest.raises(UserError, match="holds something else"):
        in_blocks(model, image, tmp_path / "o.zarr")
    assert (theirs / "thesis.txt").read_text() == "three years"


def test_the_plan_is_made_from_a_bounded_part(model):
    class Counting:
        shape, dtype, n_read = (60_000, 80_000), np.dtype(np.uint8), 0

        def __getitem__(self, index):
            sides = [cut.stop - cut.start for cut in index]
            Counting.n_read += sides[0] * sides[1]
            return np.random.default_rng(0).integers(0, 255, sides, np.uint8)

    from napari_unet.formats.lazy import LazyImage

    image = LazyImage("large", Counting(), "YX")
    plan = make_plan(model, image, memory=little_memory(), grey_range="per image").plan
    assert Counting.n_read <= 3e6
    assert (plan.height, plan.width, plan.block) == (60_000, 80_000, CHUNK)
    assert plan.normalisation.mode == "as in training"
    assert plan.normalisation.high[0] > 250
    assert lazy(np.zeros((1, 5, 5), np.uint8)).shape == (1, 5, 5)
