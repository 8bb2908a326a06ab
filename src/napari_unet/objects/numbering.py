"""Object numbers that stay with their objects from one segmentation to the next."""

import itertools

import numpy as np

from napari_unet.objects.overlaps import Int32Array, IntArray, Overlaps, count_overlaps, replace_values

SHARED_PART = 0.25  # an overlap smaller than this part of the smaller object says nothing about identity


def keep_numbers(new: IntArray, old: IntArray) -> Int32Array:
    """Renumber `new` so that objects keep the number that they had in `old`.

    Pairs are taken from the largest overlap to the smallest, every number once; an overlap counts from a
    quarter of the smaller object. What has no partner gets a fresh number above both maxima, so that no
    number means another object than before.

    Parameters
    ----------
    new, old : integer arrays of one shape
        0 is background.

    Returns
    -------
    int32 array
        The objects of `new`, pixel by pixel, with other numbers.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    overlaps = count_overlaps(new, old)
    numbers = [int(k) for k in overlaps.areas_of_first() if k > 0]
    kept = match_one_to_one(overlaps, SHARED_PART)
    fresh = iter(free_numbers(len(numbers), 1, new, old))
    for number in numbers:
        if number not in kept:
            kept[number] = next(fresh)
    return replace_values(new, kept)


def free_numbers(n: int, first: int, *images: IntArray) -> list[int]:
    """Return n numbers from `first` on that no image holds: above all of theirs, or gaps where int32 ends."""
    start = max([first, *(int(image.max(initial=0)) + 1 for image in images)])
    if start + n <= np.iinfo(np.int32).max:
        return list(range(start, start + n))
    used = {int(v) for image in images for v in np.unique(image)}
    return list(itertools.islice((k for k in itertools.count(first) if k not in used), n))


def match_one_to_one(overlaps: Overlaps, least_part: float) -> dict[int, int]:
    """Pair the objects of two label images, largest overlaps first.

    Parameters
    ----------
    overlaps : Overlaps
        All pairs, background included.
    least_part : float
        Overlap over the area of the smaller object from which a pair counts.

    Returns
    -------
    dict
        Object of the first image → object of the second.
    """
    areas, other_areas = overlaps.areas_of_first(), overlaps.areas_of_second()
    pairs = overlaps.of_objects()
    partners: dict[int, int] = {}
    taken: set[int] = set()
    for index in np.argsort(-pairs.pixels, kind="stable"):
        a, b, shared = int(pairs.first[index]), int(pairs.second[index]), int(pairs.pixels[index])
        if a in partners or b in taken or shared < least_part * min(areas[a], other_areas[b]):
            continue
        partners[a] = b
        taken.add(b)
    return partners
