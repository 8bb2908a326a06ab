"""Prediction: independent of tiles, exact beside the plain network, bounded, stoppable."""

import math
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.errors import Stopped, UserError
from napari_unet.network import prediction
from napari_unet.network.device import is_bfloat16_faster
from napari_unet.network.planes import read_mirrored
from napari_unet.network.prediction import Averaging, fold, predict
from napari_unet.network.unet import UNet, UNetConfig, initialise

torch.set_num_threads(1)

PADDED = UNetConfig(in_channels=1, classes=2, distance=True, width=3, depth=2)
UNPADDED = UNetConfig(
    in_channels=2, classes=3, width=3, depth=2, padded=False, normalisation="none", dropout=0.5
)


def trained(config: UNetConfig) -> UNet:
    """A network whose normalisation has statistics and scales that are not the initial ones."""
    network = UNet(config).train()
    generator = torch.Generator().manual_seed(1)
    side = config.input_size(24)
    with torch.no_grad():
        for _ in range(4):
            network(torch.randn(2, config.in_channels, side, side, generator=generator) * 2 + 1)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.copy_(torch.rand(module.weight.shape, generator=generator) + 0.5)
                module.bias.copy_(torch.randn(module.bias.shape, generator=generator) * 0.2)
    return network


NETWORKS = {"padded": trained(PADDED), "unpadded": trained(UNPADDED)}


def noise(config: UNetConfig, height: int, width: int, seed: int = 0) -> np.ndarray:
    shape = (config.in_channels, height, width)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("kind", NETWORKS)
@given(height=st.integers(1, 90), width=st.integers(1, 90), tile=st.integers(1, 100), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=15)
def test_tiled_equals_untiled(kind, height, width, tile, seed):
    network = NETWORKS[kind]
    image = noise(network.config, height, width, seed)
    whole = predict(network, image, tile=1000)
    assert whole.shape == (network.config.out_channels, height, width)
    np.testing.assert_allclose(predict(network, image, tile=tile), whole, atol=1e-5)


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("averaging", list(Averaging)[1:])
@pytest.mark.parametrize("size", [(33, 50), (1, 29)])
def test_tiled_equals_untiled_when_averaging(kind, averaging, size):
    network = NETWORKS[kind]
    image = noise(network.config, *size)
    whole = predict(network, image, tile=1000, averaging=averaging)
    np.testing.assert_allclose(predict(network, image, tile=16, averaging=averaging), whole, atol=1e-5)


def test_depth_of_the_default_network_agrees_across_tiles():
    network = trained(PADDED.model_copy(update={"depth": 4, "width": 2}))
    image = noise(network.config, 70, 130)
    np.testing.assert_allclose(
        predict(network, image, tile=32), predict(network, image, tile=1000), atol=1e-5
    )


@pytest.mark.parametrize("kind", NETWORKS)
def test_prediction_equals_the_plain_network_on_the_mirrored_image(kind):
    network = NETWORKS[kind]
    config = network.config
    image = noise(config, 40, 24)
    around = prediction.MIRRORED if config.padded else config.margin
    below, right = (around if config.padded else config.input_size(n) - n - around for n in (40, 24))
    mirrored = np.pad(image, ((0, 0), (around, below), (around, right)), mode="symmetric")
    with torch.no_grad():
        logits = network.eval()(torch.from_numpy(mirrored)[None])[0]
    network.train()
    inside = around if config.padded else 0
    logits = logits[:, inside : inside + 40, inside : inside + 24]
    plain = logits[: config.classes].softmax(0)
    if config.distance:
        plain = torch.cat([plain, logits[config.classes :].sigmoid()])
    np.testing.assert_allclose(predict(network, image), plain.numpy(), atol=1e-5)


def test_probabilities_are_finite_and_sum_to_one():
    result = predict(NETWORKS["unpadded"], noise(UNPADDED, 30, 41), averaging=Averaging.ROTATIONS7)
    np.testing.assert_allclose(result.sum(axis=0), 1, atol=1e-5)
    assert result.min() >= 0


def test_eight_versions_make_the_result_turn_with_the_image():
    network = trained(PADDED)
    image = noise(PADDED, 24, 32)
    result = predict(network, image, averaging=Averaging.EIGHT)
    for turned, back in (
        (image[:, ::-1], lambda a: a[:, ::-1]),
        (np.rot90(image, 1, (1, 2)), lambda a: np.rot90(a, -1, (1, 2))),
    ):
        again = back(predict(network, np.ascontiguousarray(turned), averaging=Averaging.EIGHT))
        np.testing.assert_allclose(again, result, atol=1e-5)
    assert np.abs(predict(network, image) - result).max() > 1e-3


def test_rotations_leave_a_pixelwise_network_alone():
    """A network that only thresholds its input sees the same in every rotation, up to interpolation."""
    network = UNet(UNetConfig(in_channels=1, classes=2, width=1, depth=1, normalisation="none"))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        for block in (network.contract[0], network.expand[0]):
            for conv in (block.conv1, block.conv2):
                conv.weight[0, 0, 1, 1] = 1.0
        network.classify.weight[1, 0] = 3.0
    y, x = np.mgrid[:60, :80]
    image = (1 + np.sin(x / 7) * np.cos(y / 9)).astype(np.float32)[None]
    once, seven = predict(network, image), predict(network, image, averaging=Averaging.ROTATIONS7)
    assert np.abs(once[1] - 1 / (1 + np.exp(-3 * image[0]))).max() < 1e-5
    assert np.abs(seven - once).max() < 0.01


@given(size=st.integers(1, 9), first=st.integers(-50, 50), length=st.integers(1, 60))
@settings(deadline=None, max_examples=40)
def test_mirroring_goes_on_without_end(size, first, length):
    image = np.arange(size, dtype=np.float32)[None, None]
    padded = np.pad(image, ((0, 0), (0, 0), (200, 200)), mode="symmetric")
    cut = read_mirrored(image, (0, 1, first, first + length))
    np.testing.assert_array_equal(cut, padded[..., 200 + first : 200 + first + length])


def test_folding_changes_no_result_and_not_the_network():
    network = trained(PADDED)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    image = torch.randn(1, 1, 16, 24)
    folded = fold(network)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in folded.modules())
    torch.testing.assert_close(folded(image), network.eval()(image), rtol=1e-4, atol=1e-5)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_predicting_leaves_a_training_network_in_training():
    network = NETWORKS["padded"].train()
    predict(network, noise(PADDED, 8, 8))
    assert network.training


def test_memory_is_the_output_and_one_tile():
    image = noise(PADDED, 700, 800)
    tracemalloc.start()
    result = predict(NETWORKS["padded"], image, tile=64)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < result.nbytes + 1_000_000


def test_default_tiles_fit_the_memory_and_are_about_equally_large(monkeypatch):
    monkeypatch.setattr(prediction, "TILE_MEMORY", 4 * PADDED.width * 10 * 150**2)
    boxes = list(prediction.tiles_of(210, 70, PADDED, None))
    context = 2 * PADDED.halo
    assert all((y1 - y0 + context) * (x1 - x0 + context) <= 150**2 for y0, y1, x0, x1 in boxes)
    assert [box[:2] for box in boxes] == [(0, 72), (72, 144), (144, 212)]


def test_progress_rises_to_one_and_names_the_tiles():
    reports: list[tuple[float, str]] = []
    predict(NETWORKS["padded"], noise(PADDED, 40, 40), tile=20, on_progress=lambda *r: reports.append(r))
    assert [fraction for fraction, _ in reports] == [0, 0.25, 0.5, 0.75, 1]
    assert reports[1][1] == "tile 2 of 4"


def test_stop_is_asked_before_every_tile():
    asked = 0

    def stop_at_third() -> bool:
        nonlocal asked
        asked += 1
        return asked == 3

    with pytest.raises(Stopped):
        predict(NETWORKS["padded"], noise(PADDED, 40, 40), tile=20, should_stop=stop_at_third)
    assert asked == 3


@pytest.mark.parametrize(
    ("shape", "tile", "says"),
    [
        ((2, 8, 8), None, r"2 × 8 × 8.*1 × Y × X"),
        ((8, 8), None, r"8 × 8"),
        ((1, 0, 8), None, "no pixels"),
        ((1, 8, 8), 0, "tile of 0 px"),
    ],
)
def test_bad_input_is_told(shape, tile, says):
    with pytest.raises(UserError, match=says):
        predict(NETWORKS["padded"], np.zeros(shape, np.float32), tile=tile)


def test_other_dtypes_and_memory_orders_give_the_same_result():
    image = noise(PADDED, 20, 30)
    expected = predict(NETWORKS["padded"], image)
    for other in (
        image.astype(np.float64),
        image.astype(">f4"),
        np.asfortranarray(image),
        image[:, ::-1][:, ::-1],
    ):
        np.testing.assert_array_equal(predict(NETWORKS["padded"], other), expected)


def test_an_untrained_network_is_not_constant_so_that_these_tests_can_fail():
    network = UNet(PADDED)
    initialise(network, seed=1)
    result = predict(network, noise(PADDED, 32, 32))
    assert result.std(axis=(1, 2)).min() > 1e-3
    assert math.isfinite(result.max())


@pytest.mark.skipif(
    not is_bfloat16_faster(torch.device("cpu")), reason="this processor has no tiles of bfloat16"
)
def test_bfloat16_changes_little_and_tiles_still_agree() -> None:
    network = UNet(UNetConfig(in_channels=1, classes=2, distance=True)).eval()
    image = noise(network.config, 150, 170)
    exact, fast = predict(network, image, precision="float32"), predict(network, image)
    assert 0 < np.abs(fast - exact).max() < 0.03
    np.testing.assert_allclose(predict(network, image, tile=64), fast, atol=1e-4)
    np.testing.assert_allclose(predict(network, image, tile=16), fast, atol=1e-4)


def test_a_folded_network_is_not_copied_again(monkeypatch: pytest.MonkeyPatch) -> None:
    network = trained(PADDED)
    image = noise(PADDED, 30, 30)
    expected, folded = predict(network, image), fold(network)
    monkeypatch.setattr(prediction, "fold", lambda network: pytest.fail("copied once more"))
    np.testing.assert_array_equal(predict(folded, image), expected)


OUT_OF_MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
@pytest.mark.parametrize("kind", NETWORKS)
def test_tiles_become_smaller_where_memory_is_short(monkeypatch, error, kind):
    network = NETWORKS[kind]
    image, predict_tile, sides = noise(network.config, 70, 90), prediction._predict_tile, []
    whole = predict(network, image)

    def hungry(network, image, box, *others):
        sides.append(max(box[1] - box[0], box[3] - box[2]))
        if sides[-1] > 30:
            raise error
        return predict_tile(network, image, box, *others)

    monkeypatch.setattr(prediction, "_predict_tile", hungry)
    said = []
    result = predict(network, image, on_progress=lambda fraction, message: said.append(message))
    np.testing.assert_allclose(result, whole, atol=1e-5)
    assert max(sides[2:]) <= 30
    assert [s for s in said if "Memory ran out" in s] == [
        "Memory ran out: going on with tiles of 48 px.",
        "Memory ran out: going on with tiles of 24 px.",
    ]


def test_no_memory_for_the_smallest_tile_is_said(monkeypatch):
    network, tries = NETWORKS["padded"], []

    def hungry(*what):
        tries.append(what)
        raise MemoryError

    monkeypatch.setattr(prediction, "_predict_tile", hungry)
    with pytest.raises(UserError, match="Not enough memory to segment even 12 × 12 px") as refused:
        predict(network, noise(PADDED, 300, 300))
    assert isinstance(refused.value, MemoryError)
    assert len(tries) < 8


def test_other_errors_of_torch_are_not_taken_for_it(monkeypatch):
    def fail(*what):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(prediction, "_predict_tile", fail)
    with pytest.raises(RuntimeError, match="mat1"):
        predict(NETWORKS["padded"], noise(PADDED, 30, 30))
