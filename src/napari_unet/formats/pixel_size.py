"""The width of a pixel, from the places where files keep it."""

from __future__ import annotations

import math
from xml.etree import ElementTree

from tifffile import TiffFile, TiffPage

# µm per unit, by the names that OME-XML, OME-Zarr and ImageJ use
MICROMETRES = {
    "Å": 1e-4, "angstrom": 1e-4,
    "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3,
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "micrometre": 1.0,
    "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3,
    "cm": 1e4, "centimeter": 1e4, "centimetre": 1e4,
    "m": 1e6, "meter": 1e6, "metre": 1e6,
    "inch": 25400.0, "in": 25400.0,
}  # fmt: skip

LARGEST_BELIEVED_UM = 25.0
"""Resolution tags with larger pixels tell how to print (72 dpi: 353 µm), not what a microscope saw."""


def to_micrometres(size: float, unit: str) -> float | None:
    """Convert a length; None if the unit is no length (``"pixel"``) or the size is no size."""
    factor = MICROMETRES.get(unit.strip().replace("\\u00B5", "µ"))
    if factor is None or not math.isfinite(size) or size <= 0:
        return None
    return size * factor


def pixel_size_of_tiff(tif: TiffFile) -> float | None:
    """Read the width of a pixel in µm from OME-XML, ImageJ's description or the resolution tags.

    Parameters
    ----------
    tif : tifffile.TiffFile

    Returns
    -------
    float or None
        None when the file does not tell, or tells only how to print the picture.
    """
    if tif.is_ome and tif.ome_metadata:
        return _pixel_size_of_ome(tif.ome_metadata)
    page = tif.pages[0]
    if not isinstance(page, TiffPage):
        return None
    per_unit = _resolution(page)
    if per_unit is None:
        return None
    if tif.is_imagej and tif.imagej_metadata:
        return to_micrometres(1 / per_unit, str(tif.imagej_metadata.get("unit", "pixel")))
    unit = {2: "inch", 3: "cm"}.get(int(page.tags.valueof("ResolutionUnit", default=1)), "pixel")
    size = to_micrometres(1 / per_unit, unit)
    return size if size is not None and size <= LARGEST_BELIEVED_UM else None


def _resolution(page: TiffPage) -> float | None:
    """Pixels per unit, from the XResolution tag."""
    value = page.tags.valueof("XResolution")
    if not isinstance(value, tuple) or len(value) != 2 or 0 in value:
        return None
    return float(value[0]) / float(value[1])


def _pixel_size_of_ome(xml: str) -> float | None:
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return None
    pixels = root.find(".//{*}Image/{*}Pixels")
    if pixels is None or "PhysicalSizeX" not in pixels.attrib:
        return None
    try:
        size = float(pixels.attrib["PhysicalSizeX"])
    except ValueError:
        return None
    return to_micrometres(size, pixels.attrib.get("PhysicalSizeXUnit", "µm"))
