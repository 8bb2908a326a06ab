"""What was corrected weighs more and is drawn more often; a split raises the border weight of its pair alone."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_unet.annotation.corrections import Correction, find_emphasis
from napari_unet.annotation.targets import make_target
from napari_unet.annotation.weight_map import WeightMapSettings, weight_map

sys.path.insert(0, str(Path(__file__).parents[1] / "network"))


def three_in_a_row():
    """Objects 2 and 3 touch, 3 and 4 touch; background all around."""
    labels = np.ones((24, 50), np.int32)
    for value, left in ((2, 5), (3, 17), (4, 29)):
        labels[6:18, left : left + 12] = value
    return labels


@pytest.mark.parametrize("preset", [WeightMapSettings.ronneberger2015, WeightMapSettings.falk2019])
def test_a_split_raises_the_border_of_its_pair_and_of_no_other(preset):
    labels = three_in_a_row()
    settings = preset().model_copy(update={"balance_classes": False, "corrections": 3.0})
    target = make_target(labels)
    emphasis = find_emphasis(labels, [Correction((), (6, 18, 5, 29), (2, 3), ((2, 3),))])
    plain = weight_map(target, settings)
    raised = weight_map(target, settings, emphasis=emphasis)
    gap = (12, 17)  # the first column of 3 was cut, as background, from 2
    other = (12, 41 - 12)
    assert target.classes[gap] == target.classes[other] == 0
    assert raised[gap] == pytest.approx(3 * plain[gap], rel=0.02)
    border_of_other = plain[other] - plain[0, 49]
    assert raised[other] <= plain[other] + 2 * plain[0, 49] + 0.35 * border_of_other
    np.testing.assert_array_equal(weight_map(target, settings.model_copy(update={"corrections": 1.0})), plain)
    assert not raised[labels == 0].any()


def test_where_two_were_merged_there_is_no_border_weight_any_more():
    labels = three_in_a_row()
    merged = np.where(labels == 3, 2, labels).astype(np.int32)
    settings = WeightMapSettings(balance_classes=False, corrections=4.0)
    split = Correction((), (6, 18, 5, 29), (2, 3), ((2, 3),))
    merge = Correction((), (6, 18, 17, 29), (2,))
    now = weight_map(make_target(merged), settings, emphasis=find_emphasis(merged, [split, merge]))
    then = weight_map(make_target(labels), settings, emphasis=find_emphasis(labels, [split]))
    assert then[12, 17] > 30
    assert now[12, 17] == pytest.approx(4.0, abs=0.6), "object pixels, four times as heavy, and no border"


def test_what_was_deleted_weighs_more_as_background_and_the_rest_does_not():
    labels = three_in_a_row()
    emphasis = find_emphasis(labels, [Correction((), (0, 4, 40, 48))])
    assert emphasis.mask[2, 44]
    assert not emphasis.mask[12, 10]
    assert not emphasis.mask[20, 5]
    assert find_emphasis(np.zeros_like(labels), [Correction((), (0, 4, 40, 48), (7,))]) is None


def test_places_that_are_emphasised_are_drawn_as_many_times_as_often():
    from training_images import disc_image

    from napari_unet.network.augmentation import AugmentationSettings
    from napari_unet.network.sampling import PatchSampler

    image = disc_image(shape=(300, 300), n=16)
    emphasis = np.ones((300, 300), np.float32)
    chosen = np.unique(image.objects[image.objects > 0])[:2]
    emphasis[np.isin(image.objects, chosen)] = 8

    def share(source):
        sampler = PatchSampler([source], 32, 0, np.random.default_rng(0), AugmentationSettings(shift=0.0))
        centres = [sampler._sources[0].draw_centre(np.random.default_rng(i)) for i in range(600)]
        return np.mean([emphasis[min(int(y), 299), min(int(x), 299)] > 1 for _, y, x in centres])

    assert share(replace(image, emphasis=emphasis)) > 2 * share(image)
