"""Which loop belongs to which viewer; it lives as long as the viewer, while docks come, go, and attach to it."""

from __future__ import annotations

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
        weakref.finalize(viewer, _end, key).atexit = False  # then Qt is gone already
    return _loops[key]


def all_loops() -> list[Loop]:
    """Return the loops of all viewers."""
    return list(_loops.values())


def _end(key: int) -> None:
    if key in _loops:
        _loops[key].end()
