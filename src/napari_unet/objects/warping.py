"""Warping error: how many pixels are wrong after the truth was bent towards the prediction, topology kept.

References
----------
Jain et al. 2010, Boundary learning by optimization with topological constraints, CVPR. As in the program of the
ISBI 2012 challenge only pixels that differ are flipped, objects are 4-connected and the background 8-connected.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage as ndi

from napari_unet.objects.overlaps import BoolArray, IntArray, values_in

EXACT_PIXELS = 12
"""Pixels that differ and touch one another for which all warpings are tried: at most 4,096 of them."""
MOST_STATES = 40_000
"""Warpings that are tried in one image: some tenths of a second."""
_FEW = 200
"""Pixels below which one after the other is faster than all at once."""

_RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
_SIDES = (1, 3, 5, 7)
"""Places of the 4 neighbours in the ring of 8."""

IntVector = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Warping:
    """What is left when the truth was bent as far as its topology allows.

    Attributes
    ----------
    wrong : bool array (Y, X)
        Pixels that still differ: where objects merge, are cut, appear, vanish or have holes.
    error : float
        Their share of the known pixels, 0 to 1; NaN where nothing is known.
    exact : bool
        No warping leaves fewer. Otherwise one of a large group, in another order, might.
    """

    wrong: BoolArray
    error: float
    exact: bool


def warping_error(pred: IntArray, truth: IntArray, valid: BoolArray | None = None) -> float:
    """Return the warping error of Jain et al. 2010, see `warp`."""
    return warp(pred, truth, valid).error


def warp(pred: IntArray, truth: IntArray, valid: BoolArray | None = None) -> Warping:
    """Bend the truth towards the prediction, and see which pixels differ nevertheless.

    A pixel may be flipped when it is *simple*: neither objects nor background become more or fewer pieces by it.
    Pixels that differ fall into groups that do not touch one another. In each they are flipped from its rim as long
    as one is simple; where that leaves some of a group of up to `EXACT_PIXELS`, all orders of flips are tried. A
    plane of 512² takes about a second at most, whatever it shows.

    Parameters
    ----------
    pred, truth : integer arrays (Y, X)
        0 is background. Between objects that touch, a line of background is drawn.
    valid : bool array, optional
        Where the truth is known; nothing is flipped and nothing counts elsewhere.
    """
    known = np.ones(truth.shape, bool) if valid is None else valid
    begin = np.pad(_apart(truth), 1)
    differ = (begin != np.pad(_apart(pred), 1)) & np.pad(known, 1)
    state = begin.copy()
    left = _warp_greedily(state, differ)
    exact = _improve(begin, differ, left) if left.any() else True
    wrong = left[1:-1, 1:-1]
    n = int(np.count_nonzero(known))
    return Warping(wrong, int(np.count_nonzero(wrong)) / n if n else float("nan"), exact)


def _improve(begin: BoolArray, differ: BoolArray, left: BoolArray) -> bool:
    """Search the small groups of which something is left, in place; tell whether there are no larger ones."""
    groups, _ = ndi.label(differ, np.ones((3, 3)))
    unfinished = np.unique(groups[left])
    sizes, boxes = np.bincount(groups.ravel()), ndi.find_objects(groups)
    small = unfinished[sizes[unfinished] <= EXACT_PIXELS].tolist()
    states = MOST_STATES
    for group in small:
        if states <= 0:
            return False
        box = boxes[group - 1]
        rows, columns = np.nonzero(groups[box] == group)
        rows, columns = rows + box[0].start, columns + box[1].start
        flips, tried = _best_flips(begin, rows, columns)
        states -= tried
        left[rows, columns] = ~flips
    return len(small) == len(unfinished)


def _apart(labels: IntArray) -> BoolArray:
    """Return where objects are, without the pixels whose right or lower neighbour is of another object."""
    inside = labels > 0
    if np.count_nonzero(values_in(labels)) < 2:
        return inside
    apart = inside.copy()
    apart[:-1] &= ~(inside[1:] & (labels[1:] != labels[:-1]))
    apart[:, :-1] &= ~(inside[:, 1:] & (labels[:, 1:] != labels[:, :-1]))
    return apart


def _is_simple(code: int) -> bool:
    """Whether a pixel with these 8 neighbours (bits, around the ring) is simple: 4-connected inside, 8 outside."""
    bits = [bool(code >> k & 1) for k in range(8)]
    inside = _pieces([k for k in range(8) if bits[k]], diagonal=False)
    outside = _pieces([k for k in range(8) if not bits[k]], diagonal=True)
    n_inside = sum(any(k in _SIDES for k in piece) for piece in inside)
    return n_inside == 1 and len(outside) == 1


def _pieces(places: list[int], diagonal: bool) -> list[set[int]]:
    """Return connected pieces of places in the ring."""
    pieces: list[set[int]] = []
    for place in places:
        touching = [p for p in pieces if any(_touch(place, other, diagonal) for other in p)]
        pieces = [p for p in pieces if p not in touching] + [{place}.union(*touching)]
    return pieces


def _touch(a: int, b: int, diagonal: bool) -> bool:
    rows, columns = (abs(_RING[a][axis] - _RING[b][axis]) for axis in (0, 1))
    return max(rows, columns) == 1 if diagonal else rows + columns == 1


_SIMPLE = np.array([_is_simple(code) for code in range(256)])


def _codes(state: BoolArray, rows: IntVector, columns: IntVector) -> IntVector:
    code = np.zeros(rows.size, np.int64)
    for k, (dy, dx) in enumerate(_RING):
        code |= state[rows + dy, columns + dx].astype(np.int64) << k
    return code


def _warp_greedily(state: BoolArray, differ: BoolArray) -> BoolArray:
    """Flip simple pixels of the mask, in place, until none is left; return which are left.

    Each is looked at again when a neighbour was flipped.
    """
    waiting = differ.copy()
    rows, columns = np.nonzero(waiting)
    while rows.size > _FEW:
        flipped = []
        for parity in range(4):  # pixels of one parity are no neighbours: they can be flipped at once
            turn = (rows % 2 * 2 + columns % 2) == parity
            y, x = rows[turn], columns[turn]
            simple = _SIMPLE[_codes(state, y, x)]
            y, x = y[simple], x[simple]
            state[y, x] ^= True
            waiting[y, x] = False
            flipped.append((y, x))
        rows, columns = _beside(
            np.concatenate([y for y, _ in flipped]), np.concatenate([x for _, x in flipped]), waiting
        )
    _flip_one_by_one(state, waiting, list(zip(rows.tolist(), columns.tolist(), strict=True)))
    return waiting


def _flip_one_by_one(state: BoolArray, waiting: BoolArray, look: list[tuple[int, int]]) -> None:
    queue = deque(look)
    queued = set(look)
    while queue:
        y, x = queue.popleft()
        queued.discard((y, x))
        code = sum(bool(state[y + dy, x + dx]) << k for k, (dy, dx) in enumerate(_RING))
        if not _SIMPLE[code]:
            continue
        state[y, x] ^= True
        waiting[y, x] = False
        for dy, dx in _RING:
            beside = (y + dy, x + dx)
            if waiting[beside] and beside not in queued:
                queue.append(beside)
                queued.add(beside)


def _beside(rows: IntVector, columns: IntVector, waiting: BoolArray) -> tuple[IntVector, IntVector]:
    """Return the waiting pixels beside some places."""
    around_y = np.concatenate([rows + dy for dy, _ in _RING])
    around_x = np.concatenate([columns + dx for _, dx in _RING])
    there = waiting[around_y, around_x]
    y, x = np.divmod(np.unique(around_y[there] * waiting.shape[1] + around_x[there]), waiting.shape[1])
    return y, x


def _best_flips(begin: BoolArray, rows: IntVector, columns: IntVector) -> tuple[BoolArray, int]:
    """Return which pixels of a group can be flipped at most, in any order; and how many states were tried."""
    places = list(zip(rows.tolist(), columns.tolist(), strict=True))
    index = {place: k for k, place in enumerate(places)}
    around = [
        [(index.get((y + dy, x + dx)), bool(begin[y + dy, x + dx])) for dy, dx in _RING] for y, x in places
    ]
    best, seen, look = 0, {0}, [0]
    while look:
        flips = look.pop()
        for k, ring in enumerate(around):
            more = flips ^ 1 << k  # a pixel may be flipped back, to make way for others
            if more in seen:
                continue
            code = sum(
                (inside ^ (i is not None and bool(flips >> i & 1))) << bit
                for bit, (i, inside) in enumerate(ring)
            )
            if _SIMPLE[code]:
                seen.add(more)
                look.append(more)
                best = max(best, more, key=int.bit_count)
    return np.array([bool(best >> k & 1) for k in range(len(places))]), len(seen)
