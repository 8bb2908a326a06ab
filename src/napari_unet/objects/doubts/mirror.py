"""Doubts about objects that the network sees otherwise in the mirror image: nothing in the picture says why."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_unet.objects.changes import Box, change_box
from napari_unet.objects.corrections.tidying import delete
from napari_unet.objects.doubts.doubt import Doubt, Fix, Kind, middle_of
from napari_unet.objects.doubts.lines import outlines_of
from napari_unet.objects.doubts.looks import Look, Scene
from napari_unet.objects.doubts.single import FEW
from napari_unet.objects.overlaps import BoolArray

LEAST = 0.035
"""Mean difference of the two probabilities in and right around an object from which on it is told: on unseen images of
nuclei nine of ten objects lay below, and those above were nearly all wrong."""
MOST = 0.13
"""Difference that counts most."""
UNUSUAL = 1.5
"""Over the median of the plane: a network that has seen little differs everywhere, and that says nothing."""
GONE = 0.3
"""Of an object's area: where the mean of both leaves less, it is proposed to delete it."""
SAME = 0.97
"""IoU of the outline and that of the mean of both from which on they are the same."""
_MARGIN = 12
_TELLING = 5
"""Percent by which two certainties differ to be worth naming."""


def find_turned(scene: Scene) -> Iterator[Doubt]:
    """Yield objects that the network sees otherwise in the mirror image; the fix is what the mean of both says."""
    if scene.mirrored is None:
        return
    free = [look for look in scene.objects if not look.decided]
    apart = [_difference(look, scene, scene.mirrored) for look in free]
    least = max(LEAST, UNUSUAL * float(np.median(apart))) if len(free) >= FEW else LEAST
    for look, difference in zip(free, apart, strict=True):
        score = float(np.clip((difference - least) / (MOST - LEAST), 0, 1)) * 0.8
        if score < 0.12:
            continue
        yield Doubt(
            Kind.MIRROR,
            (look.value,),
            middle_of(look.mask, look.box),
            look.box,
            score,
            _sentence(look, float(scene.mirrored[look.box][look.mask].mean())),
            _mean_of_both(look, scene),
            outlines_of(look.mask, look.box),
        )


def _difference(look: Look, scene: Scene, mirrored: npt.NDArray[np.float32]) -> float:
    box = _around(look, scene, 2)
    own = scene.labels[box] == look.value
    near = ndi.binary_dilation(own, iterations=2) & ((scene.labels[box] == 0) | own)
    return float(np.abs(scene.foreground[box] - mirrored[box])[near].mean())


def _sentence(look: Look, mirrored: float) -> str:
    here, there = round(100 * look.sure), round(100 * mirrored)
    if abs(here - there) < _TELLING:
        return "In the mirror image the network gives this object another outline."
    return f"The network is {here} % sure of this object, and {there} % in the mirror image."


def _mean_of_both(look: Look, scene: Scene) -> Fix | None:
    """Return the object as both images together show it, cut where it ends in the one that is shown."""
    assert scene.mirrored is not None  # asked before
    box = _around(look, scene, _MARGIN)
    old = scene.labels[box]
    own = old == look.value
    level = float(np.clip(np.percentile(scene.foreground[box][own], 5), 0.2, 0.8))
    mean = (scene.foreground[box] + scene.mirrored[box]) / 2
    pieces, n = ndi.label((mean >= level) & ((old == 0) | own))
    shared = np.bincount(pieces[own], minlength=n + 1)
    shared[0] = 0
    if n == 0 or shared.max() < GONE * look.area:
        return Fix(
            "Delete", "Delete it: both together show none.", delete(scene.labels, [look.value], look.box)
        )
    mask: BoolArray = ndi.binary_fill_holes(pieces == shared.argmax()) & ((old == 0) | own)
    if np.count_nonzero(mask & own) >= SAME * np.count_nonzero(mask | own):
        return None
    new = np.where(own, 0, old)
    new[mask] = look.value
    change = change_box(scene.labels, box, new)
    if change is None:
        return None
    words = "Give it the outline of the mean of both images."
    return Fix("Mean outline", words, change, outlines_of(mask, box))


def _around(look: Look, scene: Scene, margin: int) -> Box:
    height, width = scene.labels.shape
    rows, columns = look.box
    return (
        slice(max(rows.start - margin, 0), min(rows.stop + margin, height)),
        slice(max(columns.start - margin, 0), min(columns.stop + margin, width)),
    )
