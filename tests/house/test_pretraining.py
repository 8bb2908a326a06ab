"""The script that makes the bundled weights: its pool, its patches, and that it goes on where it was stopped."""

import argparse
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
TRAINING = Path(__file__).resolve().parents[2] / "training"


@pytest.fixture(scope="module", autouse=True)
def scripts():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TRAINING))
        yield
    for name in ("pool", "patches", "pretrain", "real_sets", "validation"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def pool(scripts, tmp_path_factory) -> Path:
    """A pool of one generated image of each of two kinds at least."""
    from pool import add_generated

    folder = tmp_path_factory.mktemp("pool")
    for number in range(3):
        assert add_generated(folder, 0, number)
    return folder


def options(pool: Path, folder: Path, **more: object) -> argparse.Namespace:
    usual = {
        "state": folder / "state.safetensors",
        "out": folder / "out.safetensors",
        "hours": 1e-6,
        "anneal": 0,
    }
    network = {"width": 4, "patch": 32, "batch": 2, "rate": 1e-3, "threads": 1, "seed": 0, "bfloat16": False}
    paths = {"pool": pool, "without": [], "data": None, "start": None, "name": "test"}
    return argparse.Namespace(**(usual | network | paths | more))


def test_the_pool_is_made_once_and_holds_what_training_needs(pool):
    from pool import PoolImage, add_generated

    assert not add_generated(pool, 0, 0)
    for path in pool.glob("*/*.npz"):
        image = PoolImage.read(path)
        assert image.image.shape[1:] == image.classes.shape == image.weights.shape == image.distance.shape
        assert set(np.unique(image.classes)) <= {0, 1}
        assert image.distance[image.classes == 0].max(initial=0) == 0
        assert image.weights.min() >= 0
        assert image.weights.max() > 0


def test_patches_have_three_channels_and_targets_that_belong_together(pool):
    from patches import PoolPatches

    batch = next(iter(PoolPatches(pool, (), 48, 4, seed=1)))
    assert [tuple(part.shape) for part in batch] == [(4, 3, 48, 48), *[(4, 48, 48)] * 3]
    image, classes, weights, distance = batch
    assert torch.isfinite(image).all()
    assert float(distance[classes == 0].max()) < 0.5
    assert float(weights.min()) >= 0
    again = next(iter(PoolPatches(pool, (), 48, 4, seed=1)))
    assert all(torch.equal(one, other) for one, other in zip(batch, again, strict=True))


def test_families_can_be_left_out(pool):
    from patches import PoolPatches

    families = {folder.name for folder in pool.iterdir()}
    left_out = sorted(families)[0]
    assert set(PoolPatches(pool, (left_out,), 32, 1, 0)._scan()) == families - {left_out}


def test_a_stopped_training_goes_on_with_weights_average_and_moments(pool, tmp_path):
    from pretrain import Pretraining

    first = Pretraining(options(pool, tmp_path))
    batches = first.batches()
    for _ in range(3):
        assert np.isfinite(first.make_step(next(batches), 1e-3))
    first.save()
    second = Pretraining(options(pool, tmp_path))
    assert second.progress.step == 3
    for mine, theirs in ((second.network, first.network), (second.average.network, first.average.network)):
        pairs = zip(mine.state_dict().values(), theirs.state_dict().values(), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)
    batch = next(batches)
    assert first.make_step(batch, 1e-3) == pytest.approx(second.make_step(batch, 1e-3), rel=1e-6)
    pairs = zip(first.network.parameters(), second.network.parameters(), strict=True)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in pairs)


def test_it_writes_a_model_that_segments(pool, tmp_path):
    from napari_unet.network.model_file import load_model
    from napari_unet.workflow.segmentation import segment_image
    from pretrain import Pretraining

    Pretraining(options(pool, tmp_path, hours=0, anneal=1 / 3600)).run()
    model = load_model(tmp_path / "out.safetensors")
    assert model.description.training.lineage == "bundled"
    found = segment_image(model, np.zeros((3, 64, 64), np.uint8), object_size=28)
    assert found.labels.shape == (64, 64)
