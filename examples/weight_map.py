"""Look at the weight map: how much every pixel counts in training, most of all between touching cells.

python examples/weight_map.py
"""

import argparse
from pathlib import Path

import imageio.v3 as iio
import numpy as np

import napari_unet as unet
from napari_unet.formats.images import write_probabilities

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--output", type=Path, default=Path("example-output"), help="folder for the results")
options = parser.parse_args()
options.output.mkdir(exist_ok=True)

image, truth = unet.touching_cells((256, 256), diameter=30, seed=1)
annotation = unet.to_annotation(truth, unet.Coding.MASKS)  # 0 is background: all is annotated

# The target is what the network learns: cells that touch get a gap of background between them.
target = unet.make_target(annotation)

for settings in (unet.WeightMapSettings.ronneberger2015(), unet.WeightMapSettings.falk2019()):
    weights = unet.weight_map(target, settings)  # float32, 0 where nothing is annotated
    gap = (target.classes == 0) & (truth > 0)
    print(f"{settings.preset}: {weights.min():.2f} to {weights.max():.2f}, {weights[gap].mean():.2f} in gaps")
    write_probabilities(options.output / f"weights_{settings.preset}.tif", weights)  # opens in ImageJ
    shown = np.log1p(weights) / np.log1p(weights.max())
    picture = np.concatenate([image / image.max(), target.classes, shown], axis=1)
    iio.imwrite(options.output / f"weights_{settings.preset}.png", (255 * picture).astype(np.uint8))
