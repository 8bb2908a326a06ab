"""Doubts about single objects: missed, faint, of an unsure outline, unlike the others, changed since the last round."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage as ndi

from napari_unet.objects.changes import Box, Change, change_box
from napari_unet.objects.corrections.tidying import delete, smooth
from napari_unet.objects.doubts.doubt import Doubt, Fix, Kind, Line, middle_of
from napari_unet.objects.doubts.lines import outlines_of
from napari_unet.objects.doubts.looks import Look, Scene
from napari_unet.objects.numbering import free_numbers
from napari_unet.objects.overlaps import BoolArray, FloatArray, count_overlaps

FAINTEST = 0.12
"""Probability from which on a place counts as seen at all: what lies below the threshold may still be an object."""

SURE = 0.85
"""Mean probability from which on an object is not faint."""

FEW = 8
"""With fewer accepted objects all are taken to tell what is usual."""

MOST_MISSED = 60


def find_missed(scene: Scene) -> Iterator[Doubt]:
    """Yield places where the network saw something, but less than its threshold asks for."""
    free = (scene.labels == 0) & ~scene.annotated & (scene.foreground >= FAINTEST)
    pieces, n = ndi.label(free)
    if n == 0:
        return
    areas = np.bincount(pieces.ravel())[1:]
    peaks = np.asarray(ndi.maximum(scene.foreground, pieces, np.arange(1, n + 1)))
    # A thin rim around an object is its outline; what was missed is as thick as a part of an object.
    least = max(0.15 * scene.typical_area, 12.0)
    order = [k for k in np.argsort(-peaks) if areas[k] >= least][:MOST_MISSED]
    places = ndi.find_objects(pieces)
    for k in order:
        box = places[k]
        mask = _core(pieces[box] == k + 1, scene.foreground[box], float(peaks[k]))
        area = np.count_nonzero(mask)
        if area < least:
            continue
        like = float(np.sqrt(np.clip(area / max(scene.typical_area, 1.0), 0, 1)))
        score = 0.7 * like * float(np.clip(peaks[k] / 0.6, 0, 1))
        if score < 0.12:
            continue
        tight = ndi.find_objects(mask.astype(np.int8))[0]
        box = (_within(box[0], tight[0]), _within(box[1], tight[1]))
        mask = mask[tight]
        new = scene.labels[box].copy()
        new[mask] = free_numbers(1, 1, scene.labels)[0]
        change = change_box(scene.labels, box, new)
        assert change is not None  # the mask is not empty
        lines = outlines_of(mask, box)
        yield Doubt(
            Kind.MISSED,
            (),
            middle_of(mask, box),
            box,
            score,
            f"An object may have been missed here: the network gave it {100 * float(peaks[k]):.0f} %.",
            Fix("New object", "Make an object of what is outlined.", change, lines),
            lines,
        )


def _within(outer: slice, inner: slice) -> slice:
    return slice(outer.start + inner.start, outer.start + inner.stop)


def _core(mask: BoolArray, foreground: FloatArray, peak: float) -> BoolArray:
    """Return the largest thick piece of a faint place: at least half as probable as its peak, without thin rims."""
    core: BoolArray = ndi.binary_opening(mask & (foreground >= 0.5 * peak), iterations=1)
    pieces, n = ndi.label(core)
    if n == 0:
        return core
    areas = np.bincount(pieces.ravel())
    areas[0] = 0
    filled: BoolArray = ndi.binary_fill_holes(pieces == areas.argmax()) & mask
    return filled


def find_faint(scene: Scene) -> Iterator[Doubt]:
    """Yield objects that the network is not sure of as a whole."""
    for look in scene.objects:
        if look.decided or look.sure >= SURE:
            continue
        score = float(np.clip((SURE - look.sure) / 0.35, 0, 1)) * 0.8
        yield _about(
            Kind.FAINT,
            look,
            score,
            f"The network is only {100 * look.sure:.0f} % sure of this object.",
            Fix("Delete", "Delete it: it is background.", delete(scene.labels, [look.value], look.box)),
        )


def find_unsure_outlines(scene: Scene) -> Iterator[Doubt]:
    """Yield objects whose outline is less sharp than that of the others."""
    widths = [look.fuzzy for look in scene.objects]
    usual = float(np.median(widths)) if widths else 0.0
    for look in scene.objects:
        if look.decided:
            continue
        score = float(np.clip((look.fuzzy / max(usual, 0.5) - 1.3) / 2, 0, 1)) * 0.7
        if score < 0.12:
            continue
        yield _about(
            Kind.OUTLINE,
            look,
            score,
            "The network is not sure where this object ends.",
            _smoothing(look, scene),
        )


def find_unlike(scene: Scene) -> Iterator[Doubt]:
    """Yield objects whose size or shape is unlike that of the accepted ones, or of all where few are accepted."""
    whole = [look for look in scene.objects if not look.cut]
    accepted = [look for look in whole if look.decided]
    usual = accepted if len(accepted) >= FEW else whole
    if len(usual) < FEW:
        return
    features = np.array([_features(look) for look in usual])
    middle = np.median(features, axis=0)
    spread = np.maximum(1.48 * np.median(np.abs(features - middle), axis=0), (0.12, 0.02, 0.06))
    for look in whole:
        if look.decided:
            continue
        far = (np.array(_features(look)) - middle) / spread
        score = float(np.clip((np.abs(far).max() - 3) / 5, 0, 1)) * 0.7
        if score < 0.12:
            continue
        what = int(np.abs(far).argmax())
        sentence, fix = _unlike(what, far[what], look, scene)
        yield _about(Kind.UNLIKE, look, score, sentence, fix)


def _features(look: Look) -> tuple[float, float, float]:
    return float(np.log(look.area)), look.solidity, look.eccentricity


def _unlike(what: int, far: float, look: Look, scene: Scene) -> tuple[str, Fix | None]:
    if what == 0 and far < 0:
        gone = Fix("Delete", "Delete it.", delete(scene.labels, [look.value], look.box))
        return "This object is far smaller than the others.", gone
    if what == 0:
        return "This object is far larger than the others.", _smoothing(look, scene)
    if what == 1:
        return "The outline of this object is more ragged than that of the others.", _smoothing(look, scene)
    longer = "longer" if far > 0 else "rounder"
    return f"This object is {longer} than the others.", _smoothing(look, scene)


def find_changed(scene: Scene) -> Iterator[Doubt]:
    """Yield objects that the last two rounds disagree about; the fix is what the round before had found."""
    if scene.before is None:
        return
    looks = {look.value: look for look in scene.objects}
    overlaps = count_overlaps(scene.labels, scene.before)
    was = overlaps.areas_of_second()
    pairs = overlaps.of_objects()
    shared: dict[int, list[tuple[int, int]]] = {}
    for value, other, pixels in zip(
        pairs.first.tolist(), pairs.second.tolist(), pairs.pixels.tolist(), strict=True
    ):
        shared.setdefault(value, []).append((pixels, other))
    for value, look in looks.items():
        if look.decided:
            continue
        met = shared.get(value, [])
        iou = max((n / (look.area + was[other] - n) for n, other in met), default=0.0)
        score = float(np.clip((0.75 - iou) / 0.5, 0, 1)) * 0.8
        if score < 0.12:
            continue
        mine = [other for n, other in met if 2 * n > was[other] or 2 * n > look.area]
        yield _about(Kind.CHANGED, look, score, _how_changed(len(mine)), _as_before(look, mine, scene))


def _how_changed(n: int) -> str:
    if n == 0:
        return "The round before had found nothing here."
    if n > 1:
        return f"The round before had found {n} objects here."
    return "The round before had given this object another outline."


def _as_before(look: Look, mine: list[int], scene: Scene) -> Fix | None:
    assert scene.before is not None  # asked before
    if not mine:
        return Fix("Delete", "Delete it, as before.", delete(scene.labels, [look.value], look.box))
    shape = scene.before.shape
    found = np.isin(scene.before, mine)
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    box = _join(look.box, (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)), shape)
    old, before = scene.labels[box], scene.before[box]
    new = np.where(old == look.value, 0, old)
    numbers = [look.value, *free_numbers(len(mine) - 1, 1, scene.labels)]
    lines: list[Line] = []
    for number, other in zip(numbers, mine, strict=True):
        shape_before = (before == other) & (new == 0)
        new[shape_before] = number
        if shape_before.any():
            lines.extend(outlines_of(shape_before, box))
    change = change_box(scene.labels, box, new)
    if change is None or not lines:
        return None
    return Fix("As before", "Make it as the round before had found it.", change, tuple(lines))


def _join(a: Box, b: Box, shape: tuple[int, ...]) -> Box:
    return tuple(
        slice(min(p.start, q.start), min(max(p.stop, q.stop), n)) for p, q, n in zip(a, b, shape, strict=True)
    )


def _smoothing(look: Look, scene: Scene) -> Fix | None:
    margin = 12
    height, width = scene.labels.shape
    box = (
        slice(max(look.box[0].start - margin, 0), min(look.box[0].stop + margin, height)),
        slice(max(look.box[1].start - margin, 0), min(look.box[1].stop + margin, width)),
    )
    change = smooth(scene.labels[box], [look.value])
    if change is None:
        return None
    y, x = change.offset
    moved = Change((y + box[0].start, x + box[1].start), change.old, change.new)
    place = (moved.box[0], moved.box[1])
    lines = outlines_of(moved.new == look.value, place)
    return Fix("Smooth", "Fill its holes and smooth its outline, as drawn.", moved, lines)


def _about(kind: Kind, look: Look, score: float, sentence: str, fix: Fix | None) -> Doubt:
    return Doubt(
        kind,
        (look.value,),
        middle_of(look.mask, look.box),
        look.box,
        score,
        sentence,
        fix,
        outlines_of(look.mask, look.box),
    )
