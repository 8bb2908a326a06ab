"""What became of every object, and matching as StarDist does it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from object_scenes import write_values

from napari_unet.objects.measures import match
from napari_unet.objects.tally import tally
from napari_unet.objects.verdicts import COLOURS, WORDS, Verdict, judge

images = arrays(np.int32, (7, 9), elements=st.sampled_from([0, 0, 1, 2, 3, 9]))


def scene(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Thirty discs, and the same ones moved, resized, with every seventh left out."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[:120, :160]
    truth = np.zeros((120, 160), np.int32)
    pred = truth.copy()
    for k in range(1, 31):
        y, x, r = rng.uniform(8, 112), rng.uniform(8, 152), rng.uniform(4, 10)
        truth[(yy - y) ** 2 + (xx - x) ** 2 < r * r] = k
        dy, dx, dr = rng.normal(0, 2, 3)
        if k % 7:
            pred[(yy - y - dy) ** 2 + (xx - x - dx) ** 2 < (r + dr) ** 2] = k
    return truth, pred


@pytest.mark.parametrize(
    ("seed", "threshold", "tp", "fp", "fn", "f1", "ap", "iou", "pq"),
    [  # what stardist.matching.matching of StarDist 0.9.2 says of these scenes
        (0, 0.3, 20, 6, 9, 0.727272727, 0.571428571, 0.548396397, 0.398833743),
        (0, 0.5, 12, 14, 17, 0.436363636, 0.279069767, 0.633884549, 0.276604167),
        (0, 0.75, 2, 24, 27, 0.072727273, 0.037735849, 0.775943398, 0.056432247),
        (1, 0.3, 20, 5, 10, 0.727272727, 0.571428571, 0.607655907, 0.441931568),
        (1, 0.5, 15, 10, 15, 0.545454545, 0.375, 0.671161334, 0.366088),
        (1, 0.75, 3, 22, 27, 0.109090909, 0.057692308, 0.820207755, 0.08947721),
    ],
)
def test_matching_agrees_with_stardist(
    seed: int, threshold: float, tp: int, fp: int, fn: int, f1: float, ap: float, iou: float, pq: float
) -> None:
    truth, pred = scene(seed)
    found = match(pred, truth, threshold)
    assert (found.tp, found.fp, found.fn) == (tp, fp, fn)
    scores = (found.f1, found.ap, found.mean_iou_matched, found.panoptic_quality)
    assert scores == pytest.approx((f1, ap, iou, pq), abs=1e-6)  # in single precision


def test_each_fate_in_a_hand_made_case() -> None:
    truth = write_values("1111.2233.4444.55.....")
    pred = write_values("1111.7777.8899......66")
    found = judge(pred, truth)
    fates = {(each.truth, each.found): each.verdict for each in found.objects}
    # 8 and 9 cover half of 4 each: one of them is its partner at an IoU of 0.5
    assert fates[1, 1] is Verdict.HIT
    assert fates[5, 0] is Verdict.MISSED
    assert fates[0, 6] is Verdict.FALSE
    strict = {(each.truth, each.found): each.verdict for each in judge(pred, truth, 0.6).objects}
    assert strict[2, 7] is Verdict.MERGED
    assert strict[3, 7] is Verdict.MERGED
    assert strict[4, 8] is Verdict.SPLIT
    assert len(strict) == 6  # what merges and what splits has no line of its own
    picture = judge(pred, truth, 0.6).picture[0]
    assert picture[[0, 5, 10, 15, 20]].tolist() == [1, 4, 5, 2, 3]
    assert picture[[4, 9, 14]].tolist() == [0, 0, 0]


def test_the_table_tells_where_and_how_much() -> None:
    truth = np.zeros((10, 20), int)
    truth[2:6, 2:6] = 7
    pred = np.zeros_like(truth)
    pred[2:6, 2:5] = 3
    pred[8, 18] = 4
    table = judge(pred, truth).table()
    assert table["verdict"] == ["found", "made up"]
    assert (table["truth"], table["found"], table["area"]) == ([7, 0], [3, 4], [16, 1])
    assert table["iou"] == [0.75, 0.0]
    assert (table["centroid-y"][0], table["centroid-x"][0]) == (3.5, 3.5)
    assert (table["centroid-y"][1], table["centroid-x"][1]) == (8.0, 18.0)


@settings(max_examples=60, deadline=None)
@given(pred=images, truth=images, threshold=st.sampled_from([0.3, 0.5, 0.8]))
def test_verdicts_agree_with_the_counts(pred: np.ndarray, truth: np.ndarray, threshold: float) -> None:
    found, counts = judge(pred, truth, threshold), match(pred, truth, threshold)
    assert found.count(Verdict.HIT) == counts.tp
    assert sum(each.truth > 0 for each in found.objects) == counts.tp + counts.fn
    assert found.count(Verdict.FALSE) <= counts.fp
    assert np.array_equal(found.picture > 0, (truth > 0) | (pred > 0))
    if threshold == 0.5:
        known = tally(pred, truth)
        assert (known.tp, known.fp, known.fn) == (counts.tp, counts.fp, counts.fn)
        assert (known.both, known.either) == (
            np.count_nonzero((pred > 0) & (truth > 0)),
            np.count_nonzero((pred > 0) | (truth > 0)),
        )


def test_colours_differ_also_for_people_who_see_no_red_or_no_green() -> None:
    # Viénot, Brettel, Mollon 1999, for linear RGB: what protanopes and deuteranopes see.
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    assert set(COLOURS) == set(WORDS) == set(Verdict)
    colours = np.array([list(bytes.fromhex(c[1:])) for c in COLOURS.values()]) / 255
    for seen in (np.eye(3), protan, deutan):
        shown = np.clip(colours**2.2 @ seen.T, 0, 1) ** (1 / 2.2)
        apart = np.linalg.norm(shown[:, None] - shown[None], axis=2)
        assert apart[~np.eye(len(shown), dtype=bool)].min() > 0.4
