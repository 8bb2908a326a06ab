"""Draw the outlines of the 24 coins of scikit-image's picture, and the sample's annotation.

Centres and radii were read off the picture. Around each centre the outline is the closed path, in polar
coordinates, along which the picture falls most steeply from coin to table. The result was checked by eye on
the picture that ``--check`` writes; no coin needed a correction by hand.

    python tools/draw_coins_truth.py [--check check.png]
"""

import argparse
import itertools
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from scipy import ndimage
from skimage import data
from skimage.draw import line, polygon2mask
from skimage.segmentation import find_boundaries

FOLDER = Path(__file__).parents[1] / "src" / "napari_unet" / "samples" / "drawn"
# x, y, radius in the picture enlarged three times, row by row
COINS = [
    *[(134, 162, 66), (302, 168, 58), (467, 152, 69), (648, 154, 70), (828, 158, 62), (1005, 130, 88)],
    *[(138, 373, 62), (309, 379, 56), (462, 383, 59), (618, 374, 60), (812, 359, 75), (1010, 374, 58)],
    *[(133, 591, 56), (307, 588, 66), (464, 594, 58), (638, 580, 70), (822, 582, 68), (1042, 561, 95)],
    *[(140, 780, 84), (343, 797, 64), (518, 785, 86), (733, 791, 74), (903, 791, 75), (1075, 804, 68)],
]
ANNOTATED = (1, 9, 16, 18)
RING = 6  # px of background painted around the annotated coins
STROKES = [
    [(12, 30), (14, 190), (10, 330)],
    [(60, 368), (150, 372), (225, 372)],
    [(2, 381), (30, 381)],
]  # on the table
N_ANGLES = 240


def trace_outline(image: np.ndarray, y: float, x: float, low: float, high: float) -> np.ndarray:
    """Return the (N, 2) outline between the radii `low` and `high` around (y, x)."""
    radii = np.arange(low, high, 0.25)
    angles = np.linspace(0, 2 * np.pi, N_ANGLES, endpoint=False)
    rows = y + np.sin(angles)[:, None] * radii
    columns = x + np.cos(angles)[:, None] * radii
    inside = [rows - np.sin(angles)[:, None], columns - np.cos(angles)[:, None]]
    outside = [rows + np.sin(angles)[:, None], columns + np.cos(angles)[:, None]]
    smooth = ndimage.gaussian_filter(image.astype(float), 0.7)
    fall = ndimage.map_coordinates(smooth, inside, order=1, mode="nearest")
    fall -= ndimage.map_coordinates(smooth, outside, order=1, mode="nearest")
    # the last steep fall counts: behind it lies the table, which is darker than what is inside
    table = [rows + 3 * np.sin(angles)[:, None], columns + 3 * np.cos(angles)[:, None]]
    beyond = ndimage.map_coordinates(smooth, table, order=1, mode="nearest")
    gain = np.clip(fall, 0, 60) - 0.25 * beyond
    first = closed_path(gain, None)
    path = closed_path(gain, first[N_ANGLES // 2])
    return np.stack([y + np.sin(angles) * radii[path], x + np.cos(angles) * radii[path]], axis=1)


def closed_path(gain: np.ndarray, start: int | None) -> np.ndarray:
    """Best path through (angles, radii); with `start`, from that radius back to it, begun half-way round."""
    if start is not None:
        gain = np.roll(gain, -(N_ANGLES // 2), axis=0)
    n_angles, n_radii = gain.shape
    best = gain[0].copy()
    if start is not None:
        best[:] = -1e9
        best[start] = gain[0, start]
    came = np.zeros((n_angles, n_radii), int)
    steps = np.arange(-2, 3)
    penalty = 4.0 * np.abs(steps)
    for k in range(1, n_angles):
        padded = np.pad(best, 2, constant_values=-1e9)
        options = np.stack([padded[2 + s : 2 + s + n_radii] - p for s, p in zip(steps, penalty, strict=True)])
        choice = options.argmax(axis=0)
        came[k] = steps[choice]
        best = options.max(axis=0) + gain[k]
    if start is not None:
        ends = np.abs(np.arange(n_radii) - start) <= 2
        best[~ends] = -1e9
    path = np.empty(n_angles, int)
    path[-1] = best.argmax()
    for k in range(n_angles - 1, 0, -1):
        path[k - 1] = path[k] + came[k, path[k]]
    return path if start is None else np.roll(path, N_ANGLES // 2)


def draw_truth(image: np.ndarray) -> np.ndarray:
    truth = np.zeros(image.shape, np.uint8)
    for number, (x3, y3, r3) in enumerate(COINS, start=1):
        # the middle of pixel 0 lies at 1 in the enlarged picture
        y, x, r = (y3 - 1) / 3, (x3 - 1) / 3, r3 / 3
        outline = trace_outline(image, y, x, 0.82 * r, 1.18 * r)
        truth[polygon2mask(image.shape, outline) & (truth == 0)] = number
    return truth


def draw_annotation(truth: np.ndarray) -> np.ndarray:
    """Project coding: the annotated coins with a ring of background that leaves the other coins alone."""
    annotation = np.zeros(truth.shape, np.uint8)
    some = np.isin(truth, ANNOTATED)
    ring = (ndimage.distance_transform_edt(~some) <= RING) & (truth == 0)
    annotation[ring] = 1
    for stroke in STROKES:
        brush = np.zeros(truth.shape, bool)
        for (y0, x0), (y1, x1) in itertools.pairwise(stroke):
            brush[line(y0, x0, y1, x1)] = True
        brush = ndimage.binary_dilation(brush, iterations=2)
        annotation[brush & (truth == 0)] = 1
    for value, number in enumerate(ANNOTATED, start=2):
        annotation[truth == number] = value
    return annotation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", type=Path)
    arguments = parser.parse_args()
    image = data.coins()
    truth = draw_truth(image)
    FOLDER.mkdir(parents=True, exist_ok=True)
    iio.imwrite(FOLDER / "coins_truth.png", truth)
    iio.imwrite(FOLDER / "coins_annotation.png", draw_annotation(truth))
    if arguments.check:
        large = np.kron(image, np.ones((5, 5), np.uint8))
        shown = np.stack([large] * 3, axis=-1)
        shown[find_boundaries(np.kron(truth, np.ones((5, 5), np.uint8)), mode="inner")] = (255, 60, 60)
        iio.imwrite(arguments.check, shown)


if __name__ == "__main__":
    main()
