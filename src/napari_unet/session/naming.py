"""What the axes of the image are called, as far as a person or a file says."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from pydantic import JsonValue

from napari_unet.errors import UserError
from napari_unet.session.linking import Linking
from napari_unet.session.state import State


def name_axes(state: State, axes: str) -> None:
    """Call the spatial axes of the image by these letters from now on.

    Raises
    ------
    UserError
        If the letters do not fit the image; the sentence says how.
    """
    image = state.need_image()
    named = image.with_axes(axes)
    if named.axes != image.axes:
        state.image = named
        state.changed.emit()


def restore_planes(notes: Mapping[str, JsonValue], state: State, linking: Linking) -> None:
    """Put back what a project keeps about planes: names of axes, and how planes are linked."""
    axes = notes.get("axes")
    if isinstance(axes, str):
        with suppress(UserError):  # of another image, or changed by somebody: those of the file, then
            name_axes(state, axes)
    if "linking" in notes:
        linking.restore(notes["linking"])
