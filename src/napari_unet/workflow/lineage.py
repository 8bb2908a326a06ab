"""What a lineage of rounds has trained on, and what it keeps for an honest score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_unet.network.held_out import HeldOutPlace, choose_held_out
from napari_unet.network.model_file import Provenance
from napari_unet.network.sampling import TrainingImage
from napari_unet.workflow.columns import THROUGH_PLANES, Columns, spared_at_network_scale
from napari_unet.workflow.preparation import Prepared

CELL = 32
"""Side in px, at network scale, of the cells in which it is remembered where a lineage trained."""

TRAINED_ON_ALL = (
    "Quality is not measured: earlier rounds trained on nearly all that is annotated. "
    "Annotate more objects elsewhere, or train from scratch to hold some out."
)


@dataclass(frozen=True)
class Lineage:
    """Places, in px of the whole images, of all rounds that start from one another.

    Attributes
    ----------
    held_out
        Where no patch of the lineage ever trains.
    trained
        Where at least one did.
    """

    held_out: tuple[HeldOutPlace, ...] = ()
    trained: tuple[HeldOutPlace, ...] = ()

    @classmethod
    def of(cls, provenance: Provenance) -> Lineage:
        """Read a lineage from a model's provenance."""
        return cls(
            tuple(HeldOutPlace(image, box) for image, box in provenance.held_out),
            tuple(HeldOutPlace(image, box) for image, box in provenance.trained),
        )

    def through_planes(self, stacks: Mapping[str, str]) -> Lineage:
        """Return the same for whole stacks: what was done in any plane was done in all.

        A place that was held out in one plane and trained on in another is held out no longer.

        Parameters
        ----------
        stacks
            Name of a plane → name of its stack.
        """

        def whole(place: HeldOutPlace) -> HeldOutPlace:
            return replace(place, image=stacks.get(place.image, place.image))

        held_out = [
            whole(place)
            for place in self.held_out
            if not any(
                other.image != place.image and whole(other).meets(whole(place)) for other in self.trained
            )
        ]
        return Lineage(tuple(dict.fromkeys(held_out)), tuple(dict.fromkeys(map(whole, self.trained))))


def stored(places: Sequence[HeldOutPlace]) -> tuple[tuple[str, tuple[int, int, int, int]], ...]:
    """Return places as a model's provenance keeps them."""
    return tuple((place.image, place.box) for place in places)


def continue_lineage(before: Lineage, prepared: Prepared, seed: int) -> tuple[Lineage, str]:
    """Return the lineage of a round that trains on these images now, and what there is to say about it.

    Places that were held out stay so. As long as there are none, new ones are chosen where the lineage has
    not trained yet: everywhere for a first round, in new annotation for a later one; the same on all planes that are
    next to one another.
    """
    sentence = ""
    held_out = before.held_out
    if not held_out:
        trained = at_network_scale(prepared, before.trained)
        fresh = [_without(image, trained) for image in prepared.images]
        columns = Columns.of(prepared, fresh)
        chosen, sentence = choose_held_out(columns.images, seed, columns.holding(prepared, trained))
        if trained and not (chosen and _has_objects(fresh) == _has_objects(prepared.images)):
            chosen, sentence = [], TRAINED_ON_ALL
        if any(len(columns.members[place.image]) > 1 for place in chosen):
            sentence = f"{sentence} {THROUGH_PLANES}"
        held_out = columns.in_planes(chosen)
    everywhere = {*before.trained, *_trained_now(prepared, spared_at_network_scale(prepared, held_out))}
    ordered = sorted(everywhere, key=lambda place: (place.image, place.box))
    return Lineage(held_out, tuple(ordered)), sentence


def _has_objects(images: Sequence[TrainingImage]) -> bool:
    return any(image.objects.any() for image in images)


def at_network_scale(prepared: Prepared, places: Sequence[HeldOutPlace]) -> list[HeldOutPlace]:
    """Return places of whole images in px of the prepared ones; those outside of them are left out."""
    frames = {frame.name: frame for frame in prepared.frames}
    inside = [frames[place.image].from_image(place) for place in places if place.image in frames]
    return [place for place in inside if place is not None]


def _trained_now(prepared: Prepared, held_out: Sequence[HeldOutPlace]) -> list[HeldOutPlace]:
    places = []
    for image, frame in zip(prepared.images, prepared.frames, strict=True):
        weights = _without(image, held_out).weights
        known = np.any((weights > 0).reshape(-1, *weights.shape[-2:]), axis=0)  # in any plane of a volume
        for box in _cells(np.asarray(known)):
            places.append(frame.to_image(HeldOutPlace(image.name, box)))
    return places


def _cells(mask: NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """Return boxes of rows of cells that hold at least one pixel of the mask."""
    height, width = mask.shape
    rows, columns = -(-height // CELL), -(-width // CELL)
    padded = np.zeros((rows * CELL, columns * CELL), bool)
    padded[:height, :width] = mask
    used: NDArray[np.bool_] = np.asarray(padded.reshape(rows, CELL, columns, CELL).any(axis=(1, 3)))
    boxes = []
    for row in range(rows):
        edges = np.flatnonzero(np.diff(np.pad(used[row].astype(np.int8), 1)))
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            y0, x0 = row * CELL, int(first) * CELL
            boxes.append((y0, min(y0 + CELL, height), x0, min(int(last) * CELL, width)))
    return boxes


def _without(image: TrainingImage, places: Sequence[HeldOutPlace]) -> TrainingImage:
    """Return the image as if nothing were annotated in the places; objects that reach into them vanish."""
    inside = [place for place in places if place.image == image.name]
    if not inside:
        return image
    weights, objects = image.weights.copy(), image.objects.copy()
    gone: set[int] = set()
    for place in inside:
        weights[place.slices] = 0
        gone.update(int(v) for v in np.unique(objects[place.slices]))
    objects[np.isin(objects, sorted(gone))] = 0
    return replace(image, weights=weights, objects=objects)
