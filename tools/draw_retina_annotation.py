"""Draw the vessels in two boxes of scikit-image's picture of a retina, which the sample is annotated with.

Where the picture has a clear dark ridge it is vessel, where it has clearly none it is background; what lies
in between stays not annotated. The result was checked by eye on the picture that ``--check`` writes.

    python tools/draw_retina_annotation.py [--check check.png]
"""

import argparse
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from scipy import ndimage
from skimage import data
from skimage.filters import apply_hysteresis_threshold, sato
from skimage.morphology import remove_small_objects
from skimage.segmentation import find_boundaries

FOLDER = Path(__file__).parents[1] / "src" / "napari_unet" / "samples" / "drawn"
CROP = np.s_[350:1062, 350:1062]  # as in napari_unet.samples.pictures
BOXES = [np.s_[20:250, 10:300], np.s_[450:690, 400:700]]
DOUBTFUL = [  # found by eye: the edge of the optic disc, and hooks where nothing branches off
    np.s_[20:33, 10:39],
    np.s_[503:511, 541:548],
    np.s_[632:653, 530:539],
    np.s_[608:620, 691:700],
    np.s_[450:458, 400:403],
]
VESSEL, BACKGROUND = 2, 1


def draw(green: np.ndarray) -> np.ndarray:
    smooth = ndimage.gaussian_filter(green.astype(float), 1)
    ridge = sato(smooth, sigmas=[2, 3, 4, 5], black_ridges=True)
    clear = remove_small_objects(apply_hysteresis_threshold(ridge, 2.2, 4.0), max_size=250)
    # the ridge is wider than the vessel: keep what is darker than half-way to the surroundings
    around = ndimage.median_filter(smooth, 41, mode="reflect")
    depth = ndimage.maximum_filter(np.where(clear, around - smooth, 0), 9)
    vessel = clear & (around - smooth > 0.45 * depth)
    vessel = remove_small_objects(ndimage.binary_opening(vessel) | (vessel & (ridge > 3)), max_size=120)
    far = ndimage.distance_transform_edt(~vessel) > 3
    none = far & (ndimage.maximum_filter(ridge, 5) < 1.6)
    annotation = np.zeros(green.shape, np.uint8)
    for box in BOXES:
        annotation[box][none[box]] = BACKGROUND
        annotation[box][vessel[box]] = VESSEL
    for box in DOUBTFUL:
        annotation[box] = 0
    return annotation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", type=Path)
    arguments = parser.parse_args()
    image = data.retina()[CROP]
    annotation = draw(image[..., 1])
    FOLDER.mkdir(parents=True, exist_ok=True)
    iio.imwrite(FOLDER / "retina_annotation.png", annotation)
    if arguments.check:
        shown = np.kron(image, np.ones((3, 3, 1), np.uint8))
        large = np.kron(annotation, np.ones((3, 3), np.uint8))
        shown[find_boundaries(large == VESSEL, mode="inner")] = (255, 255, 255)
        shown[find_boundaries(large == BACKGROUND, mode="inner")] = (0, 0, 0)
        iio.imwrite(arguments.check, shown)


if __name__ == "__main__":
    main()
