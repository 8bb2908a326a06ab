"""Which loop belongs to which viewer; it lives as long as the viewer, while docks come, go, and attach to it."""

from __future__ import annotations

import atexit
import weakref
from typing import Any

from napari_unet._qt.loop import Loop

_loops: dict[int, Loop] = {}


def loop_of(viewer: Any) -> Loop:
    """Return the loop of a viewer, begun where there is none yet."""
    viewer = getattr(
        viewer, "__wrapped__", viewer
    )  # plugins get a proxy; the dictionary needs the viewer itself
    key = id(viewer)
    if key not in _loops:
        loop = _loops[key] = Loop(viewer)
        loop.ended.connect(lambda: _loops.pop(key, None))
        weakref.finalize(viewer, _end, key).atexit = False  # `_end_all` comes before
    return _loops[key]


def all_loops() -> list[Loop]:
    """Return the loops of all viewers."""
    return list(_loops.values())


def _end(key: int) -> None:
    if key in _loops:
        _loops[key].end()


def _end_all() -> None:
    """End every loop before the program does: no part of one outlives Qt, however the program ends."""
    for loop in all_loops():
        loop.end()


# What was registered last is called first: the import of Qt, above, has registered the end of all its objects, in no
# order. A window that it removes would end a loop of which half is gone.
atexit.register(_end_all)
