"""The warping error against hand-made cases, topology that is kept, and all warpings of tiny images."""

import itertools
import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from object_scenes import write_values
from scipy import ndimage as ndi

from napari_unet.objects.warping import EXACT_PIXELS, warp, warping_error

tiny = arrays(np.int32, (4, 5), elements=st.sampled_from([0, 1]))
images = arrays(np.int32, (9, 12), elements=st.sampled_from([0, 0, 1, 2]))


def topology(mask: np.ndarray) -> tuple[int, int]:
    """Pieces of the foreground (4 neighbours) and of the background (8 neighbours), the outside included."""
    padded = np.pad(mask, 1)
    return int(ndi.label(padded)[1]), int(ndi.label(~padded, np.ones((3, 3)))[1])


def fewest_wrong(pred: np.ndarray, truth: np.ndarray) -> int:
    """Search all masks that can be reached by flips, one at a time, none of which changes the topology nearby."""
    places = list(zip(*np.nonzero(pred != truth), strict=True))
    seen, look, best = {frozenset()}, [frozenset()], 0
    while look:
        flips = look.pop()
        best = max(best, len(flips))
        state = truth.copy()
        for place in flips:
            state[place] = ~state[place]
        for place in places:
            more = flips ^ {place}
            if more in seen:
                continue
            y, x = place[0] + 1, place[1] + 1
            before = np.pad(state, 1)[y - 1 : y + 2, x - 1 : x + 2].copy()
            after = before.copy()
            after[1, 1] = ~after[1, 1]
            # by the definition of a simple point: neither has more or fewer pieces in the neighbourhood, and none
            # of either vanishes
            if pieces(before) == pieces(after):
                seen.add(more)
                look.append(more)
    return len(places) - best


def pieces(around: np.ndarray) -> tuple[int, int]:
    """Pieces of the 3 × 3 that matter: of the foreground those that touch a side of the centre, or are it."""
    inside, _ = ndi.label(around)
    sides = [(0, 1), (1, 0), (1, 2), (2, 1), (1, 1)]
    outside = int(ndi.label(~around, np.ones((3, 3)))[1])
    return len({inside[p] for p in sides} - {0}), outside


def test_a_border_that_moved_is_no_error_and_a_merge_is_one() -> None:
    truth = np.kron(write_values("1.2"), np.ones((6, 4), int))
    moved = np.kron(write_values("11.2"), np.ones((6, 3), int))
    assert (moved != truth).any()
    assert warping_error(moved, truth) == 0
    merged = np.ones_like(truth)
    left = warp(merged, truth)
    # All but a line of the border can be filled; no warping closes it.
    assert left.wrong.sum() == 6
    assert left.error == 6 / truth.size
    assert left.wrong.any(axis=1).all()


def test_a_lost_object_a_new_one_and_a_hole_leave_one_pixel_each() -> None:
    truth = np.zeros((20, 30), int)
    truth[4:10, 4:10] = 1
    truth[12:18, 12:20] = 2
    lost, new, hole = truth.copy(), truth.copy(), truth.copy()
    lost[truth == 1] = 0
    new[2:5, 24:27] = 3
    hole[14, 14:17] = 0
    for pred, n_wrong in ((lost, 1), (new, 9), (hole, 3)):
        # An object shrinks to one pixel; where the truth has nothing, nothing can grow.
        assert warp(pred, truth).wrong.sum() == n_wrong


def test_objects_that_touch_are_told_apart() -> None:
    truth = np.repeat([[1] * 6 + [2] * 6], 8, axis=0)
    assert warping_error(truth, truth) == 0
    assert warp(np.ones_like(truth), truth).wrong.sum() == 8
    assert warp(truth, np.ones_like(truth)).wrong.sum() == 1  # it opens up to the last pixel that holds both


def test_only_the_known_part_counts() -> None:
    truth = np.zeros((12, 12), int)
    truth[2:5, 2:5] = 1
    pred = np.roll(truth, 6, axis=1)
    known = np.zeros((12, 12), bool)
    assert np.isnan(warping_error(pred, truth, known))
    known[:, 5:8] = True
    assert warping_error(pred, truth, known) == 0
    assert warping_error(pred, truth) > 0


@settings(max_examples=40, deadline=None)
@given(pred=tiny, truth=tiny)
def test_tiny_images_are_exact(pred: np.ndarray, truth: np.ndarray) -> None:
    pred, truth = pred.copy(), truth.copy()
    for place in list(zip(*np.nonzero(pred != truth), strict=True))[7:]:
        pred[place] = truth[place]
    found = warp(pred, truth)
    assert found.exact
    assert found.wrong.sum() == fewest_wrong(pred > 0, truth > 0)


@settings(max_examples=60, deadline=None)
@given(pred=images, truth=images)
def test_the_topology_is_kept(pred: np.ndarray, truth: np.ndarray) -> None:
    left = warp(pred, truth).wrong

    def apart(labels: np.ndarray) -> np.ndarray:
        mask = labels > 0
        for axis in (0, 1):
            ahead, here = (np.moveaxis(labels, axis, 0)[part] for part in (slice(1, None), slice(None, -1)))
            np.moveaxis(mask, axis, 0)[:-1][(here > 0) & (ahead > 0) & (here != ahead)] = False
        return mask

    warped = np.where(left, ~apart(pred), apart(pred))
    assert topology(warped) == topology(apart(truth))
    assert not (left & (apart(pred) == apart(truth))).any()


def test_noise_and_snakes_of_512_take_bounded_time() -> None:
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 2, (512, 512)) for _ in range(2)]
    snake = np.zeros((512, 512), int)
    snake[::4] = 1
    for i, row in enumerate(range(0, 508, 4)):
        snake[row : row + 4, -1 if i % 2 == 0 else 0] = 1
    head = np.zeros_like(snake)
    head[0, 0] = 1
    begin = time.process_time()
    assert warp(noise[0], noise[1]).wrong.sum() > 0
    assert warp(head, snake).error == 0  # pixel after pixel, 66,000 times
    assert time.process_time() - begin < 15


def test_a_large_group_with_something_left_is_not_called_exact() -> None:
    truth = np.kron(write_values("1.2"), np.ones((6, 4), int))
    assert truth[:, 4:8].size > EXACT_PIXELS
    assert not warp(np.ones_like(truth), truth).exact
    assert warp(truth, truth).exact


def test_every_small_shift_of_a_disc_is_no_error() -> None:
    yy, xx = np.mgrid[:40, :40]
    disc = ((yy - 20) ** 2 + (xx - 20) ** 2 < 100).astype(int)
    for dy, dx in itertools.product((-3, 0, 4), repeat=2):
        assert warping_error(np.roll(disc, (dy, dx), (0, 1)), disc) == 0
