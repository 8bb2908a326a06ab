"""What a network and filters see in an image."""

import numpy as np
import pytest
import torch

from napari_unet.errors import Stopped
from napari_unet.network import prediction
from napari_unet.network.features import see
from napari_unet.network.filters import PER_SIGMA, SIGMAS, filter_bank
from napari_unet.network.prediction import predict
from napari_unet.network.unet import UNet, UNetConfig

torch.set_num_threads(1)
CONFIG = UNetConfig(in_channels=1, classes=3, distance=True, width=3, depth=2)
UNPADDED = CONFIG.model_copy(update={"padded": False, "normalisation": "none"})


def noise(height, width, channels=1):
    return np.random.default_rng(0).normal(0.5, 0.3, (channels, height, width)).astype(np.float32)


@pytest.mark.parametrize("config", [CONFIG, UNPADDED], ids=["padded", "unpadded"])
def test_its_own_logits_are_those_of_prediction(config):
    network, image = UNet(config), noise(45, 61)
    seen = see(network, image, "cpu")
    assert seen.features.shape == (3 + 3, 45, 61)
    assert seen.n_own == 3  # two classes against background, and the distance
    own = seen.features[-3:].astype(np.float32)
    scores = np.concatenate([np.zeros((1, 45, 61)), own[:2]])
    expected = predict(network, image, device="cpu")
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=0)
    np.testing.assert_allclose(probabilities, expected[:3], atol=2e-3)
    np.testing.assert_allclose(1 / (1 + np.exp(-own[2])), expected[3], atol=2e-3)


def test_tiles_do_not_show(monkeypatch):
    network, image = UNet(CONFIG), noise(90, 70)
    whole = see(network, image, "cpu").features.astype(np.float32)
    monkeypatch.setattr(prediction, "largest_tile", lambda config, n_bytes: 16)
    np.testing.assert_allclose(see(network, image, "cpu").features.astype(np.float32), whole, atol=2e-3)


def test_it_can_be_stopped():
    with pytest.raises(Stopped):
        see(UNet(CONFIG), noise(20, 20), "cpu", lambda: True)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (40, 50)])
def test_filters_take_every_shape_and_stay_finite(shape):
    found = filter_bank(noise(*shape, channels=2))
    assert found.shape == (2 + 2 * PER_SIGMA * len(SIGMAS), *shape)
    assert np.isfinite(found.astype(np.float32)).all()


def test_filters_tell_blobs_from_edges_and_ridges():
    y, x = np.mgrid[:65, :65] - 32.0
    blob = np.exp(-(y**2 + x**2) / (2 * 4**2)).astype(np.float32)
    ridge = np.exp(-(x**2) / (2 * 4**2)).astype(np.float32)
    edge = (x > 0).astype(np.float32)
    sigma = SIGMAS.index(4.0)
    smooth, gradient, laplacian, larger, smaller = range(1 + PER_SIGMA * sigma, 1 + PER_SIGMA * (sigma + 1))
    at = (slice(None), 32, 32)
    of_blob, of_ridge, of_edge = (filter_bank(image[None])[at].astype(float) for image in (blob, ridge, edge))
    assert of_blob[larger] == pytest.approx(of_blob[smaller], abs=0.02)  # curved both ways
    assert of_blob[larger] < -0.1
    assert of_ridge[larger] == pytest.approx(0, abs=0.02)
    assert of_ridge[smaller] < -0.1
    assert of_edge[gradient] > 0.3 > of_blob[gradient] + 0.2
    assert of_blob[laplacian] == pytest.approx(of_blob[larger] + of_blob[smaller], abs=0.01)
    assert of_blob[smooth] < 1
