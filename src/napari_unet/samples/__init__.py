"""Images to try the loop on."""

from napari_unet.samples.pictures import (
    SAMPLES,
    coins,
    coins_layers,
    find_sample,
    ihc,
    ihc_layers,
    retina,
    retina_layers,
    touching_cells,
    touching_cells_layers,
)
from napari_unet.samples.sample import Sample, as_layers

__all__ = [
    "SAMPLES",
    "Sample",
    "as_layers",
    "coins",
    "coins_layers",
    "find_sample",
    "ihc",
    "ihc_layers",
    "retina",
    "retina_layers",
    "touching_cells",
    "touching_cells_layers",
]
