"""Settings fitted to what a person outlined."""

import time

import numpy as np
from object_scenes import cut_contacts, draw_discs, pack_cells
from scipy import ndimage as ndi

from napari_unet.annotation.targets import make_target
from napari_unet.objects.fit import Example, fit_separation
from napari_unet.objects.measures import match
from napari_unet.objects.separate import SeparationSettings, SplitMethod, separate


def see(truth: np.ndarray, low: float = 0.0, high: float = 1.0, seed: int = 0) -> Example:
    """A network's blurred and noisy view of the truth."""
    target = make_target(np.where(truth > 0, truth + 1, 1).astype(np.int32))
    rng = np.random.default_rng(seed)
    noise = 0.02 * ndi.gaussian_filter(rng.normal(size=truth.shape), 1) * 3.5
    probability = low + (high - low) * ndi.gaussian_filter((target.classes > 0) * 1.0, 1.2) + noise
    distance = ndi.gaussian_filter(target.distance, 1.5)
    return Example(np.clip(probability, 0, 1), distance, truth, np.ones(truth.shape, bool))


def test_a_timid_network_gets_a_lower_threshold() -> None:
    example = see(pack_cells(160, 14), 0.0, 0.55)
    settings, score = fit_separation([example])
    assert settings.threshold < 0.45
    found = separate(example.probability, settings, example.distance)
    assert match(found, example.truth, 0.7).f1 > 0.9
    assert score > 0.9
    assert match(separate(example.probability, SeparationSettings()), example.truth, 0.7).f1 < 0.9


def test_long_objects_are_not_cut_and_round_ones_are() -> None:
    chains = np.zeros((160, 160), np.int32)
    for i, y in enumerate(range(12, 150, 24), 1):
        beads = draw_discs((160, 160), [(y, x) for x in range(15, 150, 13)], 8)
        chains[beads > 0] = i  # one object each, with a neck every 13 px
    settings, score = fit_separation([see(chains)])
    assert score > 0.9
    assert separate(see(chains).probability, settings, see(chains).distance).max() == chains.max()
    touching = pack_cells(160, 14, filled=1.0)
    blurred = ndi.gaussian_filter((touching > 0) * 1.0, 1)  # no gap at all
    settings, _ = fit_separation([Example(blurred, None, touching, np.ones(touching.shape, bool))])
    assert settings.method is not SplitMethod.COMPONENTS
    assert settings.method is not SplitMethod.LEARNED


def test_the_smallest_object_kept_is_below_the_smallest_true_one() -> None:
    truth = draw_discs((200, 200), [(y, x) for y in (30, 80, 130) for x in (30, 80, 130)], 14)
    truth[170:175, 170:175] = 10
    settings, _ = fit_separation([see(truth)])
    assert 0 < settings.smallest < 25


def test_a_pixel_left_behind_by_a_brush_lets_no_specks_pass() -> None:
    truth = draw_discs((200, 200), [(y, x) for y in (30, 80, 130) for x in (30, 80, 130)], 14)
    without = fit_separation([see(truth)])[0].smallest
    truth[170, 170] = 10
    assert fit_separation([see(truth)])[0].smallest == without > 10


def test_what_is_unknown_does_not_count() -> None:
    truth = pack_cells(160, 14)
    known = np.zeros(truth.shape, bool)
    known[:, :80] = True
    half = see(truth)
    hidden = Example(
        np.where(known, half.probability, np.random.default_rng(0).random(truth.shape)),
        half.distance,
        np.where(np.isin(truth, truth[:, 80:]), 0, truth),
        known & ~np.isin(truth, truth[:, 80:][truth[:, 80:] > 0]),
    )
    _, score = fit_separation([hidden])
    assert score > 0.85


def test_without_objects_the_defaults_come_back_and_stopping_keeps_the_best() -> None:
    nothing = np.zeros((20, 20), np.int32)
    empty = Example(np.zeros((20, 20)), None, nothing, nothing == 0)
    assert fit_separation([empty]) == (SeparationSettings(), 0.0)
    assert fit_separation([]) == (SeparationSettings(), 0.0)
    reports: list[float] = []
    settings, score = fit_separation(
        [see(pack_cells(100, 14))],
        on_progress=lambda fraction, _: reports.append(fraction),
        should_stop=lambda: len(reports) >= 3,
    )
    assert len(reports) == 3
    assert isinstance(settings, SeparationSettings)
    assert 0 <= score <= 1


def test_four_crops_take_seconds_and_large_ones_no_longer() -> None:
    crops = [see(pack_cells(256, 14, seed=k), seed=k) for k in range(4)]
    start = time.thread_time()
    _, score = fit_separation(crops, 1.0, 28.0)
    assert time.thread_time() - start < 6  # half on a machine that does nothing else
    assert score > 0.9


def test_the_truth_of_the_cut_is_not_needed() -> None:
    truth = pack_cells(128, 14)
    exact = Example((cut_contacts(truth) > 0) * 1.0, None, truth, np.ones(truth.shape, bool))
    settings, score = fit_separation([exact])
    assert settings.method is SplitMethod.DISTANCE  # nothing beats the default here
    assert score > 0.95


def test_few_objects_keep_what_is_known_to_work_and_many_overrule_it() -> None:
    known = SeparationSettings(method=SplitMethod.LEARNED, threshold=0.6, seed_depth=0.4)
    truth = pack_cells(160, 14)
    two = np.where(np.isin(truth, np.unique(truth)[1:3]), truth, 0).astype(np.int32)
    for example in (see(two), see(truth)):
        settings, _ = fit_separation([example], start=known)
        assert (settings.method, settings.threshold) == (known.method, known.threshold)
    timid = see(truth, 0.0, 0.55)
    settings, score = fit_separation([timid], start=known)
    assert settings.threshold < 0.5
    assert score > 0.9


def test_the_smallest_of_few_objects_is_not_taken_for_the_smallest_of_all() -> None:
    truth = pack_cells(160, 14)
    two = np.where(np.isin(truth, np.unique(truth)[5:7]), truth, 0).astype(np.int32)
    few, many = fit_separation([see(two)])[0].smallest, fit_separation([see(truth)])[0].smallest
    assert 0 < few < many
