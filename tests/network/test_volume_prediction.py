"""Prediction of volumes: independent of tiles, exact beside the plain network, bounded, stoppable."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_unet.errors import NoMemory, Stopped, UserError
from napari_unet.network import volume_prediction
from napari_unet.network.architecture import UNetConfig
from napari_unet.network.prediction import Averaging
from napari_unet.network.unet import UNet, batch_norms
from napari_unet.network.volume_prediction import largest_tile, predict_volume, read_mirrored_volume

torch.set_num_threads(1)


def trained(**changes: object) -> UNet:
    """A network whose normalisation has statistics and scales that are not the initial ones."""
    base = {"dimensions": 3, "in_channels": 1, "classes": 2, "width": 2, "depth": 2, "distance": True}
    network = UNet(UNetConfig(**{**base, **changes})).train()
    generator = torch.Generator().manual_seed(1)
    sides = [axis.input_size(8) for axis in network.config.axes]
    with torch.no_grad():
        for _ in range(3):
            network(torch.randn(1, network.config.in_channels, *sides, generator=generator) * 2 + 1)
        for layer in batch_norms(network):
            layer.weight.copy_(torch.rand(layer.weight.shape, generator=generator) + 0.5)
            layer.bias.copy_(torch.randn(layer.bias.shape, generator=generator) * 0.2)
    return network


NETWORKS = {
    "isotropic": trained(),
    "flat": trained(flat_levels=1),
    "unpadded": trained(flat_levels=1, padded=False, normalisation="none", distance=False, in_channels=2),
}


def noise(config: UNetConfig, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(config.in_channels, *shape)).astype(np.float32)


SIDES = st.tuples(st.integers(1, 12), st.integers(1, 26), st.integers(1, 26))


@pytest.mark.parametrize("kind", NETWORKS)
@given(shape=SIDES, tile=SIDES, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=4)
def test_tiled_equals_untiled(kind, shape, tile, seed):
    network = NETWORKS[kind]
    volume = noise(network.config, shape, seed)
    whole = predict_volume(network, volume, tile=(100, 100, 100))
    assert whole.shape == (network.config.out_channels, *shape)
    np.testing.assert_allclose(whole[:2].sum(axis=0), 1, atol=1e-5)
    larger = tuple(max(t, 6) for t in tile)  # the smallest tiles take long and show nothing more
    np.testing.assert_allclose(predict_volume(network, volume, tile=larger), whole, atol=1e-4)


def test_prediction_equals_the_plain_network_on_the_mirrored_volume():
    network = NETWORKS["flat"]
    volume = noise(network.config, (8, 16, 12))
    mirrored = np.pad(volume, ((0, 0), (4, 4), (16, 16), (16, 16)), mode="symmetric")
    with torch.inference_mode():
        logits = network.eval()(torch.from_numpy(mirrored)[None])[0, :, 4:-4, 16:-16, 16:-16]
    plain = torch.cat([logits[:2].softmax(0), logits[2:].sigmoid()])
    np.testing.assert_allclose(predict_volume(network, volume), plain.numpy(), atol=1e-5)


def test_flips_make_the_result_turn_with_the_volume():
    network = NETWORKS["flat"]
    volume = noise(network.config, (4, 16, 16))
    result = predict_volume(network, volume, averaging=Averaging.EIGHT)
    turned = predict_volume(network, np.rot90(volume, 1, (2, 3)), averaging=Averaging.EIGHT)
    np.testing.assert_allclose(turned, np.rot90(result, 1, (2, 3)), atol=1e-5)
    with pytest.raises(UserError, match="single planes only"):
        predict_volume(network, volume, averaging=Averaging.ROTATIONS7)


@pytest.mark.parametrize("flat_levels", [0, 1, 2])
def test_tiles_fit_into_memory_whatever_the_volume(flat_levels):
    config = UNetConfig(dimensions=3, flat_levels=flat_levels, in_channels=1, classes=2, width=16, depth=3)
    for shape in ((64, 256, 256), (2000, 3000, 4000), (3, 9000, 9000), (1, 1, 1)):
        tile = largest_tile(shape, config)
        seen = [side + 2 * axis.halo for side, axis in zip(tile, config.axes, strict=True)]
        ends = [  # a tile at an end of the volume sees some of its mirror image and no more
            -(-n // axis.multiple) * axis.multiple + 2 * max(beyond, axis.multiple)
            for n, axis, beyond in zip(shape, config.axes, (4, 16, 16), strict=True)
        ]
        voxels = np.prod([min(a, b) for a, b in zip(seen, ends, strict=True)])
        assert voxels * 16 * volume_prediction.BYTES_PER_CHANNEL <= volume_prediction.TILE_MEMORY
    assert min(largest_tile((2000, 3000, 4000), config)) >= 16


def test_it_can_be_stopped_between_tiles_and_tells_how_far_it_is():
    network, told = NETWORKS["flat"], []
    volume = noise(network.config, (8, 16, 16))
    with pytest.raises(Stopped):
        predict_volume(
            network,
            volume,
            tile=(4, 8, 8),
            on_progress=lambda fraction, words: told.append(fraction),
            should_stop=lambda: len(told) == 3,
        )
    assert told == [0, 1 / 8, 2 / 8]


def test_where_memory_runs_out_tiles_become_smaller(monkeypatch):
    network = NETWORKS["flat"]
    volume = noise(network.config, (8, 16, 16))
    whole = predict_volume(network, volume)
    plain, asked = volume_prediction._predict_box, []

    def short_of_memory(network, volume, box, *rest):
        sides = [b - a for a, b in box]
        asked.append(max(sides))
        if max(sides) > 8:
            raise RuntimeError("not enough memory: you tried to allocate 1 byte")
        return plain(network, volume, box, *rest)

    monkeypatch.setattr(volume_prediction, "_predict_box", short_of_memory)
    np.testing.assert_allclose(predict_volume(network, volume), whole, atol=1e-4)
    assert max(asked) == 16

    def none_left(*args):
        raise MemoryError

    monkeypatch.setattr(volume_prediction, "_predict_box", none_left)
    with pytest.raises(NoMemory, match="Not enough memory"):
        predict_volume(network, volume)


def test_what_does_not_fit_is_refused_in_a_sentence():
    network = NETWORKS["flat"]
    with pytest.raises(UserError, match="takes volumes of 1 × Z × Y × X"):
        predict_volume(network, np.zeros((1, 20, 20), np.float32))
    with pytest.raises(UserError, match="takes volumes of 1 × Z × Y × X"):
        predict_volume(network, np.zeros((2, 4, 20, 20), np.float32))


@given(n=st.integers(1, 6), first=st.integers(-20, 20), length=st.integers(1, 20))
@settings(deadline=None, max_examples=30)
def test_beyond_its_ends_a_volume_is_its_own_mirror_image(n, first, length):
    volume = np.arange(n, dtype=np.float32).reshape(1, n, 1, 1)
    wide = np.pad(volume[0, :, 0, 0], 60, mode="symmetric")
    cut = read_mirrored_volume(volume, ((first, first + length), (0, 1), (-1, 1)))
    np.testing.assert_array_equal(cut[0, :, 0, 0], wide[60 + first : 60 + first + length])
