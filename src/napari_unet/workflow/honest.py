"""What a trained network finds where its lineage never trained, with the way of making objects that it is used with."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from napari_unet.annotation.coding import LabelsAre
from napari_unet.network.held_out import HeldOutPlace
from napari_unet.network.prediction import fold
from napari_unet.network.sampling import TrainingImage
from napari_unet.network.unet import UNet
from napari_unet.objects.fit import sections
from napari_unet.objects.separate import SeparationSettings, separate
from napari_unet.objects.tally import Tally, added, tally
from napari_unet.workflow.scoring import cut_places, read_place

IMAGES = 3
"""From this number of images on, blocks of one image count as one place: they resemble each other."""


def tally_held_out(
    network: UNet,
    images: Sequence[TrainingImage],
    places: Sequence[HeldOutPlace],
    labels_are: LabelsAre,
    separation: SeparationSettings,
    seconds: float = math.inf,
) -> tuple[Tally, ...]:
    """Count what is found in the held-out places; nothing for classes.

    Parameters
    ----------
    images, places
        At the network's scale.
    separation
        In px² of the network.
    seconds
        Time after which no further place is read: fewer objects tell less, but nothing else.

    Returns
    -------
    tuple of Tally
        One per place, or per image where there are several.
    """
    if labels_are is LabelsAre.CLASSES or not places:
        return ()
    begin = time.monotonic()
    folded = fold(network)
    found: list[tuple[str, Tally]] = []
    for held in places:
        for place in cut_places(images, [held]):
            if found and time.monotonic() > begin + seconds:
                break
            output = read_place(folded, place.image)
            distance = output[network.config.classes] if network.config.distance else None
            labels = separate(1.0 - output[0], separation, distance, plane_step=place.plane_step)
            planes = sections(labels, place.objects, place.objects_known)
            found.append((held.image, added([tally(*plane) for plane in planes])))
    names = sorted({name for name, _ in found})
    if len(names) < IMAGES:
        return tuple(each for _, each in found)
    return tuple(added([each for of, each in found if of == name]) for name in names)
