"""Paint the strokes that the immunohistochemistry sample starts with: glass, epithelium, stroma.

The points were read off the picture enlarged twice, and the strokes checked by eye on the picture that
``--check`` writes.

    python tools/draw_ihc_annotation.py [--check check.png]
"""

import argparse
import itertools
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from scipy import ndimage
from skimage import data
from skimage.draw import line
from skimage.segmentation import find_boundaries

FOLDER = Path(__file__).parents[1] / "src" / "napari_unet" / "samples" / "drawn"
GLASS, EPITHELIUM, STROMA = 1, 2, 3
# value: strokes as x, y in the picture enlarged twice
STROKES = {
    GLASS: [
        [(14, 600), (60, 680), (50, 760)],
        [(130, 4), (180, 4)],
        [(600, 112), (650, 205), (715, 320), (744, 374)],
        [(885, 850), (905, 920)],
        [(296, 30), (296, 60)],
    ],
    EPITHELIUM: [
        [(60, 120), (120, 250), (230, 330), (330, 400), (430, 400)],
        [(640, 80), (750, 100), (850, 250), (820, 400), (760, 490)],
        [(60, 430), (120, 530), (200, 680), (260, 780), (250, 960)],
        [(560, 680), (620, 760), (640, 880), (680, 960)],
    ],
    STROMA: [
        [(940, 60), (980, 160), (985, 330), (960, 480), (880, 640), (850, 700)],
        [(590, 470), (480, 560), (340, 620), (380, 760), (460, 930)],
        [(810, 780), (790, 900)],
    ],
}


def paint(shape: tuple[int, int]) -> np.ndarray:
    annotation = np.zeros(shape, np.uint8)
    for value, strokes in STROKES.items():
        brush = np.zeros(shape, bool)
        for stroke in strokes:
            for (x0, y0), (x1, y1) in itertools.pairwise(stroke):
                brush[line(y0 // 2, x0 // 2, y1 // 2, x1 // 2)] = True
        annotation[ndimage.binary_dilation(brush, iterations=3)] = value
    return annotation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", type=Path)
    arguments = parser.parse_args()
    image = data.immunohistochemistry()
    annotation = paint(image.shape[:2])
    FOLDER.mkdir(parents=True, exist_ok=True)
    iio.imwrite(FOLDER / "ihc_annotation.png", annotation)
    if arguments.check:
        shown = np.kron(image, np.ones((2, 2, 1), np.uint8))
        large = np.kron(annotation, np.ones((2, 2), np.uint8))
        for value, colour in {GLASS: (0, 0, 0), EPITHELIUM: (0, 255, 0), STROMA: (255, 0, 255)}.items():
            shown[find_boundaries(large == value, mode="inner")] = colour
        iio.imwrite(arguments.check, shown)


if __name__ == "__main__":
    main()
