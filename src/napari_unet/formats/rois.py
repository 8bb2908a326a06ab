"""ImageJ's regions of interest: outlines as a zip for the ROI Manager."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

from napari_unet.formats.atomic import replace_whole
from napari_unet.objects.outlines import Key, Outline, Ring

MOST_PX = 2**15 - 1
"""ImageJ's files of regions have 16 bits, one for the sign, for where a region lies."""
MOVE, LINE, CLOSE = 0.0, 1.0, 4.0
"""What a number in the path of a composite region says about the next two."""


def write_rois(
    path: Path | str,
    outlines: Iterable[Outline],
    axes: str | None = None,
    classes: Mapping[Key, str] | None = None,
) -> int:
    """Write one region per object and plane, along the pixels' edges.

    Parameters
    ----------
    path : Path or str
        ``.zip``; an older file is replaced.
    outlines : iterable of Outline
        Objects with holes or of several pieces become composite regions.
    axes : str, optional
        One letter per axis of the planes: Z and T become the region's position in the stack; ``Z`` or ``TZ`` by
        default.
    classes : mapping, optional
        Class names by plane and number, which regions have in their names.

    Returns
    -------
    int
        How many there are.

    Raises
    ------
    UserError
        If the file can't be written.
    """
    n = 0
    with replace_whole(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for outline in outlines:
            roi = to_roi(outline, axes, (classes or {}).get(outline.key, ""))
            archive.writestr(f"{roi.name}.roi", roi.tobytes())
            n += 1
    return n


def to_roi(outline: Outline, axes: str | None = None, named: str = "") -> ImagejRoi:
    """Return an object on one plane as a region: sub-pixel corners, or a path where there is more than one ring."""
    letters = plane_letters(axes, len(outline.plane))
    place = dict(zip(letters, outline.plane, strict=True))
    rings = [ring for part in outline.parts for ring in (part.outer, *part.holes)]
    words = [f"{axis.lower()}{i + 1:03}" for axis, i in place.items()] + [
        f"{outline.number:05}",
        _plain(named),
    ]
    roi = ImagejRoi.frompoints(
        rings[0].astype(np.float32),
        name="-".join(word for word in words if word),
        position=outline.plane[0] if len(outline.plane) == 1 else None,  # in a stack of one axis, which plane
        z=place.get("Z"),
        t=place.get("T"),
    )
    corners = np.concatenate(rings)
    (roi.left, roi.top), (roi.right, roi.bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    if len(rings) == 1:
        roi.roitype = ROI_TYPE.TRACED
        return roi
    path = np.concatenate([_path(ring) for ring in rings]).astype(np.float32)
    roi.roitype, roi.multi_coordinates, roi.shape_roi_size = ROI_TYPE.RECT, path, path.size
    roi.integer_coordinates = roi.subpixel_coordinates = None
    roi.options, roi.n_coordinates = ROI_OPTIONS(0), 0
    return roi


def plane_letters(axes: str | None, n: int) -> str:
    """Return one letter for each of `n` axes of planes: those said, or ``Z`` and ``TZ``."""
    return (
        axes[:n] if axes is not None and len(axes) >= n else {0: "", 1: "Z", 2: "TZ"}.get(n, "TZABDEFG"[:n])
    )


def _path(ring: Ring) -> NDArray[np.float64]:
    lines = np.column_stack([np.full(len(ring), LINE), ring])
    lines[0, 0] = MOVE
    return np.append(lines.ravel(), CLOSE)


def _plain(name: str) -> str:
    """Return a name that can be one of a file in an archive."""
    return "".join(c if c.isalnum() or c in "-_ " else "_" for c in name).strip()[:100]
