"""Train on a few painted cells, segment the whole image, and see how good it is where nothing was painted.

python examples/train_and_segment.py                # two minutes of training
python examples/train_and_segment.py --steps 20     # a quick look
"""

import argparse
from pathlib import Path

import napari_unet as unet
from napari_unet.samples import touching_cells

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--steps", type=int, help="train for so many steps instead of two minutes")
parser.add_argument("--output", type=Path, default=Path("example-output"), help="folder for the results")
options = parser.parse_args()
options.output.mkdir(exist_ok=True)

# 512 × 512 px of generated fluorescent cells. In the annotation 0 is not annotated, 1 is background, and
# every value from 2 on is one cell; here a few clusters are painted.
sample = touching_cells()
pixels = sample.image[None]  # images have their channels first: (1, 512, 512)

painted = unet.AnnotatedImage("cells", pixels, sample.annotation, pixel_size_um=sample.pixel_size_um)
settings = unet.TrainingSettings(steps=options.steps, minutes=None if options.steps else 2, seed=0)
trained = unet.train_model(
    [painted], settings, on_report=lambda now: print(f"\rstep {now.step}, loss {now.loss:.3f}", end="")
)
print()
print(*trained.sentences, sep="\n")
unet.save_model(trained.model, options.output / "cells.safetensors")

# A model file has all that is needed to segment another image.
model = unet.load_model(options.output / "cells.safetensors")
segmented = unet.segment_image(model, pixels, pixel_size_um=sample.pixel_size_um)
print(*segmented.sentences, sep="\n", end="")
unet.write_labels(options.output / "cells.tif", segmented.labels, sample.pixel_size_um)

# The sample's truth is exact. Only what nobody painted tells how good the network is.
untouched = sample.annotation == 0
result = unet.match(segmented.labels, sample.truth, 0.5, valid=untouched)
print(f"{result.tp} cells found, {result.fn} missed, {result.fp} too many; F1 = {result.f1:.2f}")
