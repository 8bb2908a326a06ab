"""How good a network is where it never trained, and which separation makes the best objects of its output."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.errors import Stopped
from napari_unet.network.held_out import HeldOutPlace
from napari_unet.network.prediction import fold, predict
from napari_unet.network.sampling import TrainingImage
from napari_unet.network.unet import UNet
from napari_unet.network.volume_prediction import predict_volume
from napari_unet.objects.fit import Example, fit_separation, sections
from napari_unet.objects.measures import foreground_iou, match, mean_iou
from napari_unet.objects.separate import SeparationSettings, separate

CONTEXT = 48
"""Pixels around a held-out place that the network sees while it is read."""

CONTEXT_PLANES = 4
"""Planes above and below one that is known."""

PART = 192
"""Side in px of the parts in which whole images are read when there is little time."""

ENOUGH = 40
"""Held-out objects from which on the separation is fitted on them alone. With 9 of them a low threshold was fitted to
EM by chance: 0.64 instead of 0.88 foreground-restricted Rand on unseen slices."""
ENOUGH_IN_VOLUMES = 80
"""Sections from which on no more of a volume is read to fit the separation: it takes long."""


@dataclass(frozen=True, eq=False)
class Place:
    """A held-out place with some context: pixels to predict, truth, and where the truth counts.

    In a volume it goes through some planes of which not all are known.
    """

    image: NDArray[np.float32]
    classes: NDArray[np.uint8]
    objects: NDArray[np.int32]
    known: NDArray[np.bool_]
    objects_known: NDArray[np.bool_]
    plane_step: float = 1.0


class HeldOutScore:
    """Score a network on held-out places.

    For objects F1 at IoU 0.5 and the IoU of the foreground, whose mean decides; for classes their mean IoU.
    Asked to stop, it raises `Stopped`: who waits for an end does not wait for a score.
    """

    def __init__(
        self,
        images: Sequence[TrainingImage],
        places: Sequence[HeldOutPlace],
        labels_are: LabelsAre,
        should_stop: ShouldStop = never_stop,
    ) -> None:
        self.labels_are, self.should_stop = labels_are, should_stop
        self.places = cut_places(images, places)

    @property
    def standard_error(self) -> float:
        """How far chance alone may move the score: half of that of an F1 of ½ on so many objects."""
        n = sum(_count(place.objects) for place in self.places)
        return 0.25 / math.sqrt(n) if n else 0.0

    def __call__(self, network: UNet) -> dict[str, float]:
        """Return the scores, the one that decides under ``"score"``; all in 0–1, higher is better."""
        folded = fold(network)  # once, not for every place
        outputs = [self._read(folded, place) for place in self.places]
        if self.labels_are is LabelsAre.CLASSES:
            n = network.config.classes
            found = np.concatenate([output[:n].argmax(0).ravel() for output in outputs])
            true = np.concatenate([place.classes.ravel() for place in self.places])
            known = np.concatenate([place.known.ravel() for place in self.places])
            score = float(np.nan_to_num(mean_iou(found, true, valid=known)))
            return {"score": score, "mean IoU": score}
        return self._objects(outputs)

    def _read(self, network: UNet, place: Place) -> NDArray[np.float32]:
        if self.should_stop():
            raise Stopped
        return read_place(network, place.image, self.should_stop)

    def _objects(self, outputs: Sequence[NDArray[np.float32]]) -> dict[str, float]:
        tp = fp = fn = 0
        settings = SeparationSettings()
        for output, place in zip(outputs, self.places, strict=True):
            if self.should_stop():
                raise Stopped
            distance = output[-1] if len(output) > 2 else None
            labels = separate(1.0 - output[0], settings, distance, plane_step=place.plane_step)
            for section, truth, valid in sections(labels, place.objects, place.objects_known):
                found = match(section, truth, 0.5, valid=valid)
                tp, fp, fn = tp + found.tp, fp + found.fp, fn + found.fn
        f1 = 2 * tp / max(2 * tp + fp + fn, 1)
        foreground = np.concatenate([(output[0] < 0.5).ravel() for output in outputs])
        true = np.concatenate([(place.classes > 0).ravel() for place in self.places])
        known = np.concatenate([place.known.ravel() for place in self.places])
        iou = foreground_iou(foreground, true, valid=known)
        return {"score": (f1 + iou) / 2, "F1": f1, "IoU": iou}


def cut_places(images: Sequence[TrainingImage], places: Sequence[HeldOutPlace]) -> list[Place]:
    """Cut the places, with context, out of the training images (both at network scale)."""
    return [
        _cut(part, place)
        for place in places
        for image in images
        if image.name == place.image
        for part in _known_planes(image)
    ]


def fit_objects(
    network: UNet,
    images: Sequence[TrainingImage],
    places: Sequence[HeldOutPlace],
    labels_are: LabelsAre,
    object_size: float | None,
    seconds: float = math.inf,
    start: SeparationSettings | None = None,
) -> SeparationSettings:
    """Fit threshold, method and smallest size on complete objects: held-out ones where there are enough.

    Parameters
    ----------
    places
        Held-out places at network scale; with fewer than `ENOUGH` objects in them all complete objects are used.
    object_size
        Typical diameter in px at network scale.
    seconds
        Time that all of it may take; what was best so far is returned then. The places with most objects are read
        first, for half of the time.
    start
        What worked for the weights that the training began with.
    """
    begin = time.monotonic()
    if labels_are is LabelsAre.CLASSES:
        return SeparationSettings(smallest=0.0)
    crops = cut_places(images, places)
    if sum(_count(crop.objects) for crop in crops) < ENOUGH:
        places = [
            HeldOutPlace(image.name, (0, image.classes.shape[-2], 0, image.classes.shape[-1]))
            for image in images
        ]
        crops = []
    if not (math.isinf(seconds) and crops):
        in_haste = [part for place in places for part in _parts(place)]
        crops = cut_places(images, places if math.isinf(seconds) else in_haste)
    crops = sorted((crop for crop in crops if crop.objects.any()), key=lambda crop: -_count(crop.objects))
    if not crops:
        return start or SeparationSettings()
    folded = fold(network)
    examples: list[Example] = []
    n_seen = 0
    for crop in crops:
        if examples and time.monotonic() > begin + seconds / 2:
            break
        output = read_place(folded, crop.image)
        distance = output[network.config.classes] if network.config.distance else None
        examples.append(Example(1.0 - output[0], distance, crop.objects, crop.objects_known, crop.plane_step))
        n_seen += _count(crop.objects)
        if crop.image.ndim == 4 and n_seen >= ENOUGH_IN_VOLUMES:
            break
    return fit_separation(
        examples,
        scale=1.0,
        typical_size=object_size,
        start=start,
        should_stop=lambda: time.monotonic() > begin + seconds,
    )[0]


def read_place(
    network: UNet, image: NDArray[np.float32], should_stop: ShouldStop = never_stop
) -> NDArray[np.float32]:
    """Predict a place of planes, or of a volume."""
    read = predict if image.ndim == 3 else predict_volume
    return read(network, image, should_stop=should_stop)


def _known_planes(image: TrainingImage) -> list[TrainingImage]:
    """Cut a volume to the planes that are annotated, with some context; where these are near, they stay together."""
    if image.classes.ndim == 2:
        return [image]
    n, known = len(image.classes), np.flatnonzero((image.weights > 0).any(axis=(1, 2)))
    if not known.size:
        return []
    parts = []
    for run in np.split(known, np.flatnonzero(np.diff(known) > 2 * CONTEXT_PLANES) + 1):
        planes = slice(max(int(run[0]) - CONTEXT_PLANES, 0), min(int(run[-1]) + CONTEXT_PLANES + 1, n))
        parts.append(
            replace(
                image,
                image=image.image[:, planes],
                classes=image.classes[planes],
                weights=image.weights[planes],
                distance=image.distance[planes],
                distance_known=image.distance_known[planes],
                objects=image.objects[planes],
            )
        )
    return parts


def _parts(place: HeldOutPlace) -> list[HeldOutPlace]:
    """Return the parts of a place that can be read in a tenth of a second each."""
    y0, y1, x0, x1 = place.box
    return [
        HeldOutPlace(place.image, (y, min(y + PART, y1), x, min(x + PART, x1)))
        for y in range(y0, y1, PART)
        for x in range(x0, x1, PART)
    ]


def _cut(image: TrainingImage, place: HeldOutPlace) -> Place:
    height, width = image.classes.shape[-2:]
    y0, y1, x0, x1 = place.box
    outer = (
        ...,
        slice(max(y0 - CONTEXT, 0), min(y1 + CONTEXT, height)),
        slice(max(x0 - CONTEXT, 0), min(x1 + CONTEXT, width)),
    )
    objects = image.objects[outer]
    inside = np.zeros(objects.shape, bool)
    top, left = y0 - outer[1].start, x0 - outer[2].start
    inside[..., top : top + y1 - y0, left : left + x1 - x0] = True
    cut = Place(
        image.image[outer],
        image.classes[outer],
        objects,
        (image.weights[outer] > 0) & inside,
        image.distance_known[outer] & inside,
        image.plane_step,
    )
    return replace(cut, objects=_mostly_inside(objects, inside))


def _mostly_inside(objects: NDArray[np.int32], inside: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Keep the objects of which more than half lies inside: the others belong to the place beside."""
    if not objects.any():
        return objects
    total = np.bincount(objects.ravel())
    within = np.bincount(objects[inside].ravel(), minlength=total.size)
    keep = within * 2 > total
    keep[0] = False
    return np.where(keep[objects], objects, 0).astype(np.int32)


def _count(objects: NDArray[np.int32]) -> int:
    return int(np.unique(objects[objects > 0]).size)
