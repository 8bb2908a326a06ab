"""The pixels that a round was trained on, found again: planes, their channels, and the stacks that they are of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.project.documents import ImageDescription
from napari_unet.project.revisions import KeptPlane, digests
from napari_unet.session.image import ImageSource, Plane

if TYPE_CHECKING:
    from napari_unet.workflow import Stack


def planes_of(array: NDArray[Any], described: ImageDescription) -> dict[Plane, NDArray[Any]]:
    """Return all planes ``(C, Y, X)`` of an image."""
    source = ImageSource(described.name, array, described.channel_axis, described.rgb)
    return {plane: source.plane(plane) for plane in source.planes()}


def those_of(channels: NDArray[Any], wanted: tuple[str, ...], name: str) -> list[int]:
    """Return which channels of a plane ``(C, Y, X)`` were trained on, known by their content.

    Raises
    ------
    UserError
        If they are not there.
    """
    there = {digest: k for k, digest in reversed(list(enumerate(digests(channels))))}
    if not set(wanted) <= set(there):
        raise UserError(
            f"The image of “{name}” was changed: its pixels are not those that it was trained on."
        )
    return [there[digest] for digest in wanted]


def stack_again(
    plane: KeptPlane, channels_of: Mapping[Plane, NDArray[Any]], chosen: list[int]
) -> Stack | None:
    """Return the stack that a plane is of, ``None`` where it is of none.

    Parameters
    ----------
    channels_of
        All planes ``(C, Y, X)`` of the image.
    chosen
        Channels that were trained on.
    """
    from napari_unet.workflow import Stack

    kept, index = plane.stack, plane.plane
    if kept is None:
        return None
    if kept.axis >= len(index):
        raise UserError(f"“{plane.name}” is not of the stack that was kept with it.")

    def read(first: int, end: int) -> NDArray[Any]:
        numbers = range(first, end)
        indices = [(*index[: kept.axis], z, *index[kept.axis + 1 :]) for z in numbers]
        return np.stack([channels_of[i][chosen] for i in indices], axis=1)

    n = 1 + max(i[kept.axis] for i in channels_of)
    return Stack(kept.name, index[kept.axis], n, read, kept.step, kept.axis)
