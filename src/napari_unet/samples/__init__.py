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
from napari_unet.samples.stacks import (
    dividing_cells,
    dividing_cells_layers,
    nuclei_stack,
    nuclei_stack_layers,
)

__all__ = [
    "SAMPLES",
    "Sample",
    "as_layers",
    "coins",
    "coins_layers",
    "dividing_cells",
    "dividing_cells_layers",
    "find_sample",
    "ihc",
    "ihc_layers",
    "nuclei_stack",
    "nuclei_stack_layers",
    "retina",
    "retina_layers",
    "touching_cells",
    "touching_cells_layers",
]
