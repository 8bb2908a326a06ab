"""Files with a network of another program, one after the other as any others."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from napari_unet.workflow.batch import Segmenter
from napari_unet.workflow.batch_record import Wanted
from napari_unet.workflow.segmentation import Segmented
from napari_unet.workflow.zoo.foreign import ForeignModel


def segmenter_of(package: ForeignModel, wanted: Wanted) -> Segmenter:
    """Return how files are segmented by it."""

    def run(model: ForeignModel, image: NDArray[Any], **keywords: Any) -> Segmented:
        return model.segment(image, **keywords)

    def network_for(plane: NDArray[Any]) -> Any:
        return package

    return Segmenter(network_for, run, package.word, wanted)
