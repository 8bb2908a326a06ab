"""Areas in which the user says: all is annotated here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from skimage.draw import polygon

from napari_unet.annotation.coding import BACKGROUND, NOT_ANNOTATED


@dataclass(frozen=True, eq=False)
class Region:
    """A rectangle or polygon inside which everything is annotated: there 0 counts as background.

    Attributes
    ----------
    kind
        ``"rectangle"``: vertices are two opposite corners, or the four of a rectangle that may be turned.
        ``"polygon"``: vertices in order around it.
    vertices
        float ``(N, 2)``, y and x in pixels; the centre of the first pixel is (0, 0).
    plane
        Position along the leading axes of a stack; empty for a 2D image.
    """

    kind: Literal["rectangle", "polygon"]
    vertices: NDArray[np.float64]
    plane: tuple[int, ...] = ()


def region_mask(region: Region, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which pixels of an image of ``shape`` have their centre inside the region, bool ``(Y, X)``.

    Parts outside the image are left out. A shape without area (one point, a line of two) holds no pixels.
    """
    mask = np.zeros(shape, bool)
    vertices = np.asarray(region.vertices, np.float64).reshape(-1, 2)
    if region.kind == "rectangle" and _is_upright(vertices):
        (y0, x0), (y1, x1) = np.ceil(vertices.min(axis=0)), np.floor(vertices.max(axis=0))
        mask[max(int(y0), 0) : max(int(y1) + 1, 0), max(int(x0), 0) : max(int(x1) + 1, 0)] = True
    elif len(vertices) >= 3:
        rows, columns = polygon(vertices[:, 0], vertices[:, 1], shape)
        mask[rows, columns] = True
    return mask


def apply_regions(labels: NDArray[np.int32], regions: Iterable[Region]) -> NDArray[np.int32]:
    """Return a copy of labels ``(Y, X)`` in which 0 became background inside every region.

    The regions are taken as they come: pass those of the labels' own plane.
    """
    applied = labels.copy()
    unknown = labels == NOT_ANNOTATED
    for region in regions:
        applied[unknown & region_mask(region, (labels.shape[0], labels.shape[1]))] = BACKGROUND
    return applied


def _is_upright(vertices: NDArray[np.float64]) -> bool:
    if len(vertices) == 2:
        return True
    sides = np.abs(np.roll(vertices, -1, axis=0) - vertices)
    return len(vertices) == 4 and bool((sides.min(axis=1) < 1e-6).all())
