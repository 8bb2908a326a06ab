"""ImageJ's regions of interest as label images: what lies inside an outline gets its number."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from roifile import ROI_TYPE, ImagejRoi
from skimage.draw import polygon

from napari_unet.errors import UserError
from napari_unet.formats.rois import plane_letters
from napari_unet.formats.room import check_room

MOST_BYTES = 2**24
"""Of one region: an outline of a million corners."""
MOST_UNPACKED = 2**30
"""Of all regions of a file together."""
UNREADABLE = (OSError, ValueError, TypeError, IndexError, KeyError, RuntimeError, NotImplementedError, OverflowError,
              AssertionError, EOFError, struct.error, zlib.error, zipfile.BadZipFile, UnicodeError)  # fmt: skip
_POLYGONS = {ROI_TYPE.POLYGON, ROI_TYPE.FREEHAND, ROI_TYPE.TRACED}


@dataclass(frozen=True, eq=False)
class RoiLabels:
    """What a file of regions says about an image.

    Attributes
    ----------
    labels
        int32 of the image's shape: 0 outside, 1… one number per region in the file's order.
    sentence
        What was left out, and where regions overlap; empty where all is as drawn.
    """

    labels: NDArray[np.int32]
    sentence: str


def read_rois(path: Path | str, shape: tuple[int, ...], axes: str | None = None) -> RoiLabels:
    """Read a ``.roi`` file or the ROI Manager's ``.zip`` and fill its regions; nothing is unpacked to disk.

    Parameters
    ----------
    path : Path or str
    shape : tuple of int
        Of the image, ``(…, Y, X)``.
    axes : str, optional
        One letter per axis; Z and T are looked for in the regions' positions.

    Raises
    ------
    UserError
        If the file is damaged, holds no region with an area, or all lie outside of the image.
    """
    path = Path(path)
    check_room(path, 4 * math.prod(shape))
    labels = np.zeros(shape, np.int32)
    letters = plane_letters(axes, len(shape) - 2)
    number = shared = without_area = outside = 0
    for roi in _regions(path):
        try:
            inside = _filled(roi, shape[-2:])
        except UNREADABLE as error:
            raise _damaged(path, error) from error
        plane = _plane(roi, letters, shape)
        if inside is None:
            without_area += 1
        elif plane is None or not inside[1].any():
            outside += 1
        else:
            number += 1
            box, mask = inside
            part = labels[plane][box]
            shared += int(np.count_nonzero(mask & (part > 0)))
            part[mask & (part == 0)] = number
    if not number:
        raise UserError(
            f"{path} has no region with an area inside of this image; is it the right file, and the right image?"
        )
    return RoiLabels(labels, _told(shared, without_area, outside))


def _told(shared: int, without_area: int, outside: int) -> str:
    told = []
    if without_area:
        told.append(f"{without_area} regions without an area (lines, points, text) were left out.")
    if outside:
        told.append(f"{outside} regions lie outside of the image.")
    if shared:
        told.append(f"{shared:,} px lie in two regions: they count to the first.")
    return " ".join(told)


def _regions(path: Path) -> Iterator[ImagejRoi]:
    try:
        if path.suffix.lower() == ".roi":
            with open(path, "rb") as file:
                yield ImagejRoi.frombytes(file.read(MOST_BYTES))
            return
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".roi")]
            if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
                raise UserError(f"{path} is larger than any file of regions; is it the right one?")
            for entry in entries:
                with archive.open(entry) as file:  # the size in the header may be a lie
                    yield ImagejRoi.frombytes(file.read(MOST_BYTES))
    except UserError:
        raise
    except UNREADABLE as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: BaseException) -> UserError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:100]
    return UserError(
        f"{path} could not be read as regions of ImageJ; it is damaged or another kind of file ({reason})."
    )


_Box = tuple[slice, slice]


def _filled(roi: ImagejRoi, shape: tuple[int, ...]) -> tuple[_Box, NDArray[np.bool_]] | None:
    """Return the part of the plane around a region and which pixels have their centre in it; None without an area."""
    if roi.composite or roi.roitype in _POLYGONS:
        rings = roi.coordinates(multi=True)
    elif roi.roitype is ROI_TYPE.RECT:
        left, top, right, bottom = roi.left, roi.top, roi.right, roi.bottom
        rings = [np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)]
    elif roi.roitype is ROI_TYPE.OVAL:
        return _oval(roi, shape)
    else:
        return None
    rings = [np.asarray(ring, np.float64) for ring in rings if len(ring) >= 3]
    if not rings or not all(np.isfinite(ring).all() for ring in rings):
        return None
    corners = np.concatenate(rings)
    box = _box(corners.min(axis=0), corners.max(axis=0), shape)
    mask = np.zeros((box[0].stop - box[0].start, box[1].stop - box[1].start), bool)
    for ring in rings:  # a ring within a ring is a hole
        rows, columns = polygon(
            ring[:, 1] - 0.5 - box[0].start, ring[:, 0] - 0.5 - box[1].start, shape=mask.shape
        )
        mask[rows, columns] ^= True
    return box, mask


def _oval(roi: ImagejRoi, shape: tuple[int, ...]) -> tuple[_Box, NDArray[np.bool_]]:
    box = _box(np.array([roi.left, roi.top]), np.array([roi.right, roi.bottom]), shape)
    rows, columns = np.ogrid[box]
    height, width = max(roi.bottom - roi.top, 1) / 2, max(roi.right - roi.left, 1) / 2
    y, x = (rows + 0.5 - roi.top - height) / height, (columns + 0.5 - roi.left - width) / width
    return box, x**2 + y**2 <= 1


def _box(low: NDArray[np.float64], high: NDArray[np.float64], shape: tuple[int, ...]) -> _Box:
    """Return the part of the plane between two corners (x, y), never larger than the plane."""
    x0, y0 = (int(np.clip(np.floor(value), 0, size)) for value, size in zip(low, shape[::-1], strict=True))
    x1, y1 = (int(np.clip(np.ceil(value), 0, size)) for value, size in zip(high, shape[::-1], strict=True))
    return slice(y0, max(y0, y1)), slice(x0, max(x0, x1))


def _plane(roi: ImagejRoi, letters: str, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the plane that a region lies on; the first one where it says none, None where there is no such."""
    said = {"Z": roi.z_position, "T": roi.t_position, "C": roi.c_position}
    if len(letters) == 1 and roi.position > 0:
        plane: tuple[int, ...] = (roi.position - 1,)
    else:
        plane = tuple(max(said.get(axis, 0) - 1, 0) for axis in letters)
    return plane if all(i < n for i, n in zip(plane, shape, strict=False)) else None
