"""The samples: pictures that ship inside scikit-image, and generated cells with exact truth."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from types import MappingProxyType

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import UserError
from napari_unet.samples.annotating import annotate_some
from napari_unet.samples.sample import LayerData, Sample, as_layers
from napari_unet.samples.stacks import dividing_cells, nuclei_stack
from napari_unet.synthetic import cells


def coins() -> Sample:
    """24 antique coins on an unevenly lit table; four are annotated, all are outlined in the truth.

    The picture is scikit-image's ``data.coins``; the outlines were traced by
    ``tools/draw_coins_truth.py`` and checked by eye.
    """
    from skimage import data

    return Sample(
        name="coins",
        image=data.coins(),
        annotation=_drawn("coins_annotation"),
        labels_are=LabelsAre.OBJECTS,
        class_names=(),
        truth=_drawn("coins_truth"),
        sentence="24 antique coins on an unevenly lit table; four are annotated.",
    )


def ihc() -> Sample:
    """Immunohistochemistry of colon (RGB) with a few strokes each on glass, epithelium and stroma.

    The picture is scikit-image's ``data.immunohistochemistry``; the strokes are those of
    ``tools/draw_ihc_annotation.py``.
    """
    from skimage import data

    return Sample(
        name="ihc",
        image=data.immunohistochemistry(),
        annotation=_drawn("ihc_annotation"),
        labels_are=LabelsAre.CLASSES,
        class_names=("epithelium", "stroma"),
        truth=None,
        sentence="Colon, stained brown where cytokeratin is; strokes on glass, epithelium and stroma.",
    )


def retina() -> Sample:
    """Part of an eye's fundus (RGB) with the vessels of two boxes annotated: thin structures, one class.

    The picture is scikit-image's ``data.retina``; the vessels were drawn by
    ``tools/draw_retina_annotation.py`` and checked by eye. What is doubtful is not annotated.
    """
    from skimage import data

    return Sample(
        name="retina",
        image=np.ascontiguousarray(data.retina()[350:1062, 350:1062]),
        annotation=_drawn("retina_annotation"),
        labels_are=LabelsAre.CLASSES,
        class_names=("vessel",),
        truth=None,
        sentence="Fundus of an eye; the vessels of two boxes are annotated.",
    )


def touching_cells(seed: int = 0) -> Sample:
    """Generate fluorescent cells, many of which touch, with exact truth; a few clusters are annotated.

    Parameters
    ----------
    seed : int
        Equal seeds give equal samples.
    """
    image, truth = cells.touching_cells(seed=seed)
    return Sample(
        name="touching cells",
        image=image,
        annotation=annotate_some(truth),
        labels_are=LabelsAre.OBJECTS,
        class_names=(),
        truth=truth,
        sentence="Generated fluorescent cells, many of which touch; a few clusters are annotated.",
        pixel_size_um=0.5,
    )


SAMPLES = MappingProxyType(
    {
        "coins": coins,
        "ihc": ihc,
        "retina": retina,
        "touching-cells": touching_cells,
        "nuclei-stack": nuclei_stack,
        "dividing-cells": dividing_cells,
    }
)
"""Every sample by the name that the command line knows it by."""


def find_sample(name: str) -> Sample:
    """Make the sample called `name`.

    Raises
    ------
    UserError
        If there is none of that name; the sentence lists the names.
    """
    make: Callable[[], Sample] | None = SAMPLES.get(name.strip().lower().replace(" ", "-").replace("_", "-"))
    if make is None:
        raise UserError(f"There is no sample called “{name}”; there are {', '.join(SAMPLES)}.")
    return make()


def coins_layers() -> list[LayerData]:
    """Layers of `coins`, for napari's sample menu."""
    return as_layers(coins())


def ihc_layers() -> list[LayerData]:
    """Layers of `ihc`, for napari's sample menu."""
    return as_layers(ihc())


def retina_layers() -> list[LayerData]:
    """Layers of `retina`, for napari's sample menu."""
    return as_layers(retina())


def touching_cells_layers() -> list[LayerData]:
    """Layers of `touching_cells`, for napari's sample menu."""
    return as_layers(touching_cells())


@cache
def _read_drawn(name: str) -> NDArray[np.int32]:
    content = resources.files("napari_unet.samples").joinpath("drawn", f"{name}.png").read_bytes()
    return np.asarray(iio.imread(content, extension=".png"), np.int32)


def _drawn(name: str) -> NDArray[np.int32]:
    return _read_drawn(name).copy()
