"""The depth of the session's image: which axis it is, and the stack that a plane is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError
from napari_unet.session.image import ImageSource, Plane

if TYPE_CHECKING:
    from napari_unet.workflow import Stack


def depth_of(image: ImageSource) -> int | None:
    """Return which of an image's axes is its depth; ``None`` where it has none, or one plane."""
    axis = image.axes[:-2].find("Z")
    return axis if axis >= 0 and image.spatial_shape[axis] > 1 else None


def plane_step_of(image: ImageSource) -> float | None:
    """Return how far apart the planes are in widths of a pixel, where the scale of the axes tells."""
    depth = depth_of(image)
    if depth is None or len(image.scale) != len(image.spatial_shape):
        return None
    step = float(image.scale[depth]) / float(image.scale[-1])
    return step if np.isfinite(step) and step > 0 and step != 1 else None  # 1 is what stands there by default


def stack_of(image: ImageSource, plane: Plane, channels: tuple[int, ...], called: str) -> Stack | None:
    """Return the stack that a plane is of, ``None`` for an image without depth."""
    from napari_unet.workflow import Stack

    depth = depth_of(image)
    if depth is None:
        return None
    others = plane[:depth] + plane[depth + 1 :]
    name = " ".join([called, "stack", *map(str, others)])

    def read(first: int, end: int) -> NDArray[Any]:
        return read_planes(image, plane, depth, range(first, end), channels)

    return Stack(name, plane[depth], image.spatial_shape[depth], read, plane_step_of(image), depth)


def check_depth(image: ImageSource) -> None:
    """Raise `UserError` for an image without depth."""
    if depth_of(image) is None:
        raise UserError(
            f"The network sees volumes and “{image.name}” is no stack; choose an earlier round of planes, or a stack."
        )


def read_planes(
    image: ImageSource, plane: Plane, depth: int, numbers: range, channels: tuple[int, ...]
) -> NDArray[Any]:
    """Read planes of the stack that a plane is of, ``(C, Z, Y, X)``."""
    return np.stack(
        [image.plane((*plane[:depth], z, *plane[depth + 1 :]), channels) for z in numbers], axis=1
    )
