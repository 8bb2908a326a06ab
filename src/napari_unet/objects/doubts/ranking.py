"""All doubts about a plane in one list, one entry per object, the most doubtful first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.errors import Stopped
from napari_unet.objects.doubts.doubt import Doubt
from napari_unet.objects.doubts.looks import Scene
from napari_unet.objects.doubts.mirror import find_turned
from napari_unet.objects.doubts.pieces import find_one_in_two, find_two_in_one
from napari_unet.objects.doubts.single import (
    find_changed,
    find_faint,
    find_missed,
    find_unlike,
    find_unsure_outlines,
)

FINDERS: tuple[Callable[[Scene], Iterator[Doubt]], ...] = (
    find_two_in_one,
    find_one_in_two,
    find_missed,
    find_changed,
    find_faint,
    find_unlike,
    find_unsure_outlines,
    find_turned,
)

MOST = 200


def rank_doubts(scene: Scene, should_stop: ShouldStop = never_stop) -> list[Doubt]:
    """Return what is most worth a look on a plane, at most 200 entries.

    An object that several things speak against comes once: with the strongest of them, and before one that only this
    speaks against. Safe in any thread; 2048² with 1,000 objects takes seconds.

    Raises
    ------
    Stopped
        When asked to stop.
    """
    of_object: dict[int, list[Doubt]] = {}
    missed: list[Doubt] = []
    for find in FINDERS:
        for doubt in find(scene):
            if should_stop():
                raise Stopped
            if doubt.values:
                of_object.setdefault(doubt.values[0], []).append(doubt)
            else:
                missed.append(doubt)
    joined = missed + [_join(doubts) for doubts in of_object.values()]
    joined.sort(key=lambda doubt: (-doubt.score, doubt.where))
    seen: set[int] = set()
    ranked = []
    for doubt in joined:
        if seen.isdisjoint(doubt.values):  # the second half of a pair that comes already
            seen.update(doubt.values)
            ranked.append(doubt)
    return ranked[:MOST]


def _join(doubts: list[Doubt]) -> Doubt:
    strongest = max(doubts, key=lambda doubt: doubt.score)
    score = 1 - float(np.prod([1 - doubt.score for doubt in doubts]))
    fix = strongest.fix or next((doubt.fix for doubt in doubts if doubt.fix is not None), None)
    return replace(strongest, score=score, fix=fix)
