"""Probable merges and splits: objects that may be two, and pairs that may be one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage as ndi
from skimage.measure import regionprops
from skimage.segmentation import watershed

from napari_unet.errors import UserError
from napari_unet.objects.changes import Change, change_box
from napari_unet.objects.corrections.merging import merge
from napari_unet.objects.doubts.doubt import Doubt, Fix, Kind, middle_of
from napari_unet.objects.doubts.lines import cut_between, outlines_of
from napari_unet.objects.doubts.looks import Look, Scene
from napari_unet.objects.numbering import free_numbers
from napari_unet.objects.overlaps import Int32Array
from napari_unet.objects.valleys import split_at_valleys

SHALLOWEST = 0.06
"""Depth of the valley between two halves, over the lower of their heights, from which on they may be two."""

LEAST_PART = 0.15
"""Area of the smaller half over the whole: a smaller one is a bump."""


def find_two_in_one(scene: Scene) -> Iterator[Doubt]:
    """Yield objects that have a neck or a valley in the network's probability, or are large and dented."""
    for look in scene.objects:
        if look.decided or look.area < 0.4 * scene.typical_area:
            continue
        halves = cut_in_two(look, scene)
        if halves is None:
            continue
        parts, depth = halves
        large = np.clip(look.area / max(scene.typical_area, 1.0) - 1.3, 0, 1)
        dented = np.clip((0.93 - look.solidity) / 0.15, 0, 1)
        score = 0.5 * np.clip(depth / 0.3, 0, 1) + 0.25 * large + 0.25 * dented
        if score < 0.12:
            continue
        new = scene.labels[look.box].copy()
        areas = np.bincount(parts.ravel(), minlength=3)
        smaller = 1 + int(areas[2] < areas[1])
        new[parts == smaller] = free_numbers(1, 1, scene.labels)[0]
        change = change_box(scene.labels, look.box, new)
        if change is None:
            continue
        words = "Cut it along the line that is drawn."
        yield Doubt(
            Kind.TWO_IN_ONE,
            (look.value,),
            middle_of(look.mask, look.box),
            look.box,
            float(score),
            "This may be two objects: " + _why_two(depth, float(large), float(dented)),
            Fix("Split", words, change, cut_between(parts, look.box)),
            outlines_of(look.mask, look.box),
        )


def cut_in_two(look: Look, scene: Scene) -> tuple[Int32Array, float] | None:
    """Return an object's halves, numbered 1 and 2, and how deep the valley between them is.

    The landscape is the distance to the outline times the probability: both a neck and a dark line are valleys.
    """
    inside = ndi.distance_transform_edt(np.pad(look.mask, 1))[1:-1, 1:-1]
    sigma = 0.04 * float(np.sqrt(look.area))
    p = ndi.gaussian_filter(scene.foreground[look.box], sigma)
    landscape = (ndi.gaussian_filter(inside, sigma) * p).astype(np.float32)
    landscape[~look.mask] = 0
    basins = split_at_valleys(landscape, look.mask, SHALLOWEST)
    areas = np.bincount(basins.ravel())
    areas[0] = 0
    largest = np.argsort(-areas, kind="stable")[:2]
    if len(largest) < 2 or areas[largest[1]] < LEAST_PART * look.area:
        return None
    seeds = np.zeros(look.mask.shape, np.int32)
    peaks = []
    for number, basin in enumerate(largest, start=1):
        heights = np.where(basins == basin, landscape, -1)
        peaks.append(float(heights.max()))
        seeds[np.unravel_index(int(heights.argmax()), heights.shape)] = number
    parts = watershed(-landscape, seeds, mask=look.mask, connectivity=2).astype(np.int32)
    parts[look.mask & (parts == 0)] = 1
    if np.bincount(parts.ravel(), minlength=3)[1:].min() < LEAST_PART * look.area:
        return None
    touching = (parts == 1) & ndi.binary_dilation(parts == 2)
    highest = float(landscape[touching].max(initial=0.0))
    return parts, float(np.clip(1 - highest / max(min(peaks), 1e-6), 0, 1))


def _why_two(depth: float, large: float, dented: float) -> str:
    reasons = []
    if depth >= 0.12:
        reasons.append("it has a neck or a darker line across")
    if large >= 0.3:
        reasons.append("it is larger than most")
    if dented >= 0.3:
        reasons.append("its outline is dented")
    return (", ".join(reasons) or "it has a slight neck") + "."


def find_one_in_two(scene: Scene) -> Iterator[Doubt]:
    """Yield pairs that touch along a wide border of which the network saw nothing, and that are one round object."""
    looks = {look.value: look for look in scene.objects}
    for a, b, length, seen in _contacts(scene):
        one, other = looks.get(a), looks.get(b)
        if one is None or other is None or (one.decided and other.decided):
            continue
        smaller = min(one.area, other.area)
        through = np.clip((seen / max(min(one.sure, other.sure), 1e-6) - 0.7) / 0.25, 0, 1)
        wide = np.clip(length / max(float(np.sqrt(4 * smaller / np.pi)), 1.0) / 0.8, 0, 1)
        if through * wide < 0.3:
            continue
        try:
            change = merge(scene.labels, [a, b])
        except UserError:
            continue
        small = 1 - 0.5 * np.clip(smaller / max(scene.typical_area, 1.0), 0, 1)
        whole = np.clip((one.area + other.area) / max(2.2 * scene.typical_area, 1.0) - 0.4, 0, 1)
        score = through * wide * small * (1 - 0.7 * whole) * _roundness(change, (a, b))
        if score < 0.12:
            continue
        place = (change.box[0], change.box[1])
        mask = np.isin(change.new, (a, b))
        yield Doubt(
            Kind.ONE_IN_TWO,
            (a, b),
            middle_of(mask, place),
            place,
            float(score),
            "These two may be one object: the network saw no border between them.",
            Fix("Merge", "Make one object of them, as outlined.", change, outlines_of(mask, place)),
        )


def _roundness(change: Change, pair: tuple[int, int]) -> float:
    """Return 0 (dented where they meet) to 1 (like one object) for two objects taken together."""
    whole = np.isin(change.new, pair).astype(np.uint8)
    return float(np.clip((regionprops(whole)[0].solidity - 0.8) / 0.15, 0, 1))


def _contacts(scene: Scene) -> Iterator[tuple[int, int, float, float]]:
    """Yield pairs of objects that touch: both numbers, length in px, mean probability along the border."""
    labels, parts = scene.labels, []
    for here, there in ((np.s_[1:, :], np.s_[:-1, :]), (np.s_[:, 1:], np.s_[:, :-1])):
        a, b = labels[here], labels[there]
        touch = (a != b) & (a > 0) & (b > 0)
        seen = np.minimum(scene.foreground[here], scene.foreground[there])[touch]
        parts.append((np.minimum(a, b)[touch], np.maximum(a, b)[touch], seen))
    first, second, seen = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    keys = (first.astype(np.int64) << 32) | second
    pairs, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    means = np.bincount(inverse, weights=seen) / np.maximum(counts, 1)
    for key, n, mean in zip(pairs.tolist(), counts.tolist(), means.tolist(), strict=True):
        yield (
            key >> 32,
            key & 0xFFFFFFFF,
            n / 1.3,
            mean,
        )  # a slanting border has more contacts than its length
