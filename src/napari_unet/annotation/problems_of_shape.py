"""Problems that take a look at shapes and at the image: two under one value, slivers at the edge, look-alikes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.annotation.boxes import bounding_boxes, count_pixels
from napari_unet.annotation.coding import BACKGROUND, FIRST
from napari_unet.annotation.problems import Piece, Problem
from napari_unet.annotation.targets import complete_objects, object_sizes, touches_edge

NECK = 0.65
"""Width of a neck over that of the narrower side, below which an object looks like two that touch."""

LEAST_PART = 0.15
"""Area of the smaller side over the whole."""

SLIVER = 0.25
"""Area of what the image's edge leaves of an object, over that of a typical one, below which it teaches no shape."""

ALIKE = (0.4, 2.5)
"""Areas of a look-alike over that of a typical object."""

CLEAR = 2.0
"""How many spreads of the grey values objects and background lie apart, so that looks are told apart at all."""

MOST = 400
"""Objects that are looked at one by one."""

_EIGHT = np.ones((3, 3), bool)


def find_touching(labels: NDArray[np.int32]) -> Iterator[Problem]:
    """Yield objects with a narrow neck: probably two that touch, painted in one go.

    Parameters
    ----------
    labels
        int32 ``(Y, X)``, project coding.
    """
    boxes = [(value, box) for value, box in bounding_boxes(labels).items() if value >= FIRST]
    for value, box in boxes[:MOST]:
        part = smaller_side(labels[box] == value)
        if part is not None:
            sentence = f"Object {value} has a narrow neck: are these two objects that touch?"
            yield _about_piece("two_touching", sentence, (box, part))


def smaller_side(mask: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Return the smaller side of a neck, ``None`` where there is no narrow one."""
    area = int(np.count_nonzero(mask))
    if area < 40:
        return None
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    deepest = float(depth.max())
    if area < 1.3 * np.pi * deepest**2:  # hardly more than one disc
        return None
    for level in np.linspace(0.1, NECK, 9) * deepest:
        cores, n = ndimage.label(depth > level, _EIGHT)
        if n < 2:
            continue
        peaks = ndimage.maximum(depth, cores, np.arange(1, n + 1))
        wide = 1 + np.flatnonzero(np.asarray(peaks) >= level / NECK)
        if wide.size < 2:
            continue
        nearest = ndimage.distance_transform_edt(
            ~np.isin(cores, wide), return_distances=False, return_indices=True
        )
        owner = np.where(mask, cores[tuple(nearest)], 0)
        areas = np.bincount(owner.ravel(), minlength=n + 1)
        areas[0] = 0
        smallest = wide[np.argmin(areas[wide])]
        if LEAST_PART * area <= areas[smallest] <= 0.5 * area:
            side: NDArray[np.bool_] = owner == smallest
            return side
    return None


def find_slivers(labels: NDArray[np.int32]) -> Iterator[Problem]:
    """Yield objects of which the image's edge leaves a sliver; and say where it cuts all of them."""
    complete = complete_objects(labels)
    if not complete.size:
        return
    whole = object_sizes(labels, complete)
    if not whole.size:
        sentence = "The image's edge cuts all whole objects, so their size is a guess: paint one that it does not cut."
        yield Problem(sentence, False, _first(labels == complete[0]), "all_cut")
        return
    least = SLIVER * float(np.median(np.pi * (whole / 2) ** 2))
    cut = complete[touches_edge(labels, complete)]
    boxes = bounding_boxes(labels)
    for value, area in zip(cut.tolist(), count_pixels(labels, cut).tolist(), strict=True):
        if area < least:
            box = boxes[value]
            sentence = f"The image's edge leaves only a sliver of object {value}: it teaches no shape."
            yield _about_piece("cut_by_edge", sentence, (box, labels[box] == value))


def find_look_alikes(
    painted: NDArray[np.int32],
    labels: NDArray[np.int32],
    image: NDArray[Any],
    found: NDArray[np.int32] | None = None,
) -> Iterator[Problem]:
    """Yield places in regions, counted as background there, that look like the annotated objects.

    Parameters
    ----------
    painted
        int32 ``(Y, X)``, project coding, as painted.
    labels
        The same with regions applied.
    image
        ``(C, Y, X)``.
    found
        int32 ``(Y, X)``: objects of the network or of a proposal, which are asked first where there are any.
    """
    implied = (labels == BACKGROUND) & (painted != BACKGROUND)
    sizes = object_sizes(labels, complete_objects(labels), include_cut=True)
    if not implied.any() or not sizes.size:
        return
    typical = float(np.median(np.pi * (sizes / 2) ** 2))
    candidates = (
        np.where(implied, found, 0) if found is not None and found.any() else _alike(labels, implied, image)
    )
    for value, box in bounding_boxes(candidates.astype(np.int32)).items():
        mask = candidates[box] == value
        if not ALIKE[0] * typical <= np.count_nonzero(mask) <= ALIKE[1] * typical:
            continue
        sentence = (
            "This looks like your objects, but lies in a region and is not painted: it teaches background."
        )
        yield _about_piece("look_alike", sentence, (box, mask))


def _alike(labels: NDArray[np.int32], implied: NDArray[np.bool_], image: NDArray[Any]) -> NDArray[np.int32]:
    """Return pieces of the region whose grey values are nearer to those of objects; 0 where these tell nothing."""
    grey = np.asarray(image, np.float32)
    objects, background = labels >= FIRST, implied | (labels == BACKGROUND)
    best = np.zeros(labels.shape, np.int32)
    strongest = CLEAR
    for channel in grey:
        inside, outside = channel[objects], channel[background]
        low, high = float(np.median(inside)), float(np.median(outside))
        spread = 0.5 * (float(inside.std()) + 1.48 * float(np.median(np.abs(outside - high))))
        apart = abs(low - high) / max(spread, 1e-6)
        if apart >= strongest:
            strongest = apart
            smooth = ndimage.gaussian_filter(channel, 1.0)
            near = np.abs(smooth - low) < np.abs(smooth - high)
            best = ndimage.label(ndimage.binary_opening(near & implied))[0].astype(np.int32)
    return best


def _about_piece(kind: str, sentence: str, piece: Piece) -> Problem:
    box, mask = piece
    pixels = np.argwhere(mask)
    middle = pixels[np.square(pixels - pixels.mean(axis=0)).sum(axis=1).argmin()]
    where = (int(middle[0]) + box[0].start, int(middle[1]) + box[1].start)
    return Problem(sentence, False, where, kind, piece=piece)


def _first(mask: NDArray[np.bool_]) -> tuple[int, int]:
    y, x = np.unravel_index(int(mask.argmax()), mask.shape)
    return int(y), int(x)
