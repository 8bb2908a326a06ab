import threading
from dataclasses import replace

import numpy as np
import pytest
from training_images import disc_image

from napari_unet.errors import UserError
from napari_unet.network.augmentation import AugmentationSettings
from napari_unet.network.sampling import CELL, PatchSampler, Prefetch, TrainingImage

FULL = AugmentationSettings()


def sampler_of(*images: TrainingImage, size: int = 48, margin: int = 0, seed: int = 0) -> PatchSampler:
    return PatchSampler(images, size, margin, np.random.default_rng(seed), FULL)


def test_shapes_with_a_margin() -> None:
    batch = sampler_of(disc_image(channels=2), size=40, margin=12).draw(3)
    assert batch.image.shape == (3, 2, 64, 64)
    assert batch.classes.shape == batch.weights.shape == batch.distance.shape == (3, 40, 40)
    assert batch.cells.shape == (3, 2, 1, 40 // CELL, 40 // CELL)
    assert batch.image.dtype == batch.weights.dtype == batch.distance.dtype == np.float32


@pytest.mark.parametrize("shape", [(10, 13), (1, 90), (96, 96), (200, 30)])
def test_images_smaller_than_the_patch_are_mirrored(shape: tuple[int, int]) -> None:
    image = disc_image(shape=shape, n=1)
    batch = sampler_of(image, size=64).draw(4)
    assert np.isfinite(batch.image).all()
    assert (batch.weights > 0).all()


def test_an_object_larger_than_the_patch_is_drawn_from_everywhere() -> None:
    everywhere = disc_image(shape=(200, 200), n=1)
    batch = sampler_of(everywhere, size=32).draw(40)
    assert {0, 1} <= set(np.unique(batch.classes))


def test_images_classes_and_objects_are_drawn_evenly() -> None:
    large, small = disc_image(0, (300, 300), 4, name="large"), disc_image(1, (64, 64), 1, name="small")
    rare = np.zeros((300, 300), np.uint8)
    rare[40:44, 250:254] = 2
    large = replace(large, classes=np.maximum(large.classes, rare))
    batch = sampler_of(large, small, size=32).draw(300)
    assert 100 < (batch.sources == 0).sum() < 200
    with_rare = (batch.classes == 2).any(axis=(1, 2)) & (batch.sources == 0)
    assert with_rare.sum() > 0.07 * 150  # 1 / 9 of the large image's patches, and 16 of its 90,000 pixels


def test_patches_are_drawn_around_what_is_annotated() -> None:
    image = disc_image(shape=(400, 400), n=16)
    weights = np.zeros((400, 400), np.float32)
    weights[300:330, 50:80] = 1
    only_there = np.where(weights > 0, image.objects, 0).astype(np.int32)
    sampler = sampler_of(replace(image, weights=weights, objects=only_there), size=48)
    assert (sampler.draw(50).weights.sum(axis=(1, 2)) > 0).mean() > 0.95


def test_more_patches_where_the_network_is_wrong() -> None:
    def fraction_below(wrong: bool) -> float:
        sampler = sampler_of(disc_image(shape=(300, 300), n=16), size=32)
        for _ in range(30 if wrong else 0):
            batch = sampler.draw(8)
            errors = (batch.cells[:, 0, 0] > 200).astype(np.float32)  # wrong in the lowest third only
            sampler.report_errors(batch, errors)
        return float((sampler.draw(200).cells[:, 0, 0].mean(axis=(1, 2)) > 200).mean())

    assert fraction_below(wrong=True) > fraction_below(wrong=False) + 0.1


def test_nothing_annotated_is_said() -> None:
    image = disc_image()
    with pytest.raises(UserError, match="Nothing is annotated"):
        sampler_of(replace(image, weights=np.zeros_like(image.weights)))


def test_planes_of_another_size_are_said() -> None:
    with pytest.raises(UserError, match="differ in size"):
        replace(disc_image(), weights=np.zeros((5, 5), np.float32))


def test_prefetched_patches_do_not_depend_on_timing() -> None:
    def draw(slow: bool) -> list[np.ndarray]:
        drawn = []
        with Prefetch(sampler_of(disc_image(0), disc_image(1, name="b")), 2) as patches:
            for step in range(8):
                batch = patches.next()
                if slow and step % 3 == 0:
                    threading.Event().wait(0.05)
                drawn.append(batch.image)
                patches.report(batch, np.full((2, 6, 6), step, np.float32))
        return drawn

    for quick, slow in zip(draw(slow=False), draw(slow=True), strict=True):
        np.testing.assert_array_equal(quick, slow)


def test_the_prefetching_thread_ends_and_tells_its_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = sampler_of(disc_image())
    before = threading.active_count()
    with Prefetch(sampler, 2) as patches:
        patches.next()
        assert threading.active_count() == before + 1
    assert threading.active_count() == before

    def fail(n: int) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(sampler, "draw", fail)
    with pytest.raises(MemoryError, match="no room"), Prefetch(sampler, 2) as patches:
        patches.next()
    assert threading.active_count() == before
