"""Objects in the formats of other programs: the one place that knows which there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from napari_unet.errors import UserError
from napari_unet.formats.json_outlines import write_coco, write_geojson
from napari_unet.formats.ome_labels import write_ome_tiff, write_ome_zarr_labels
from napari_unet.formats.rois import plane_letters, write_rois
from napari_unet.formats.writing import write_labels
from napari_unet.objects.outlines import Key, outlines
from napari_unet.objects.overlaps import IntArray
from napari_unet.objects.tables import without_cut_objects


class Format(StrEnum):
    """What objects can be written as."""

    TIFF = "tiff"
    OME_TIFF = "ome-tiff"
    OME_ZARR = "ome-zarr"
    ROIS = "rois"
    GEOJSON = "geojson"
    COCO = "coco"


ENDINGS = {
    Format.TIFF: ".tif", Format.OME_TIFF: ".ome.tif", Format.OME_ZARR: ".zarr",
    Format.ROIS: ".zip", Format.GEOJSON: ".geojson", Format.COCO: ".json",
}  # fmt: skip

WORDS = {
    Format.TIFF: "Label image, TIFF (ImageJ, Fiji)",
    Format.OME_TIFF: "Label image, OME-TIFF (OMERO, QuPath)",
    Format.OME_ZARR: "Label image, OME-Zarr (napari, OMERO)",
    Format.ROIS: "Outlines, ImageJ ROI zip (ROI Manager)",
    Format.GEOJSON: "Outlines, GeoJSON (QuPath)",
    Format.COCO: "Outlines, COCO JSON (machine learning)",
}


@dataclass(frozen=True, eq=False)
class Objects:
    """Objects of one image and what is known of them.

    Attributes
    ----------
    labels
        Shape ``(…, Y, X)``; 0 is background.
    name
        File name of the image.
    axes
        One letter per axis of `labels`; ``YX``, ``ZYX`` or ``TZYX`` where nobody said.
    classes
        Names of classes, by plane and number.
    class_names
        All classes in their order.
    measurements
        Of objects, by plane and number; GeoJSON takes them along.
    """

    labels: IntArray
    name: str
    axes: str | None = None
    pixel_size_um: float | None = None
    classes: Mapping[Key, str] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()
    measurements: Mapping[Key, Mapping[str, float]] = field(default_factory=dict)

    def without_cut(self) -> Objects:
        """Return only the objects that no edge of the image cuts."""
        return replace(self, labels=without_cut_objects(self.labels))


def export(objects: Objects, path: Path | str, what: Format) -> None:
    """Write objects in one of the formats; whole or not at all.

    Raises
    ------
    UserError
        If the file can't be written.
    """
    _WRITERS[what](objects, Path(path))


def format_of(path: Path) -> Format:
    """Tell the format by the ending of a file's name.

    Raises
    ------
    UserError
        If none has it.
    """
    name = path.name.lower()
    for what, ending in ENDINGS.items():
        if what is not Format.TIFF and name.replace(".ome.tiff", ".ome.tif").endswith(ending):
            return what
    if name.endswith((".tif", ".tiff")):
        return Format.TIFF
    raise UserError(
        f"{path}: objects are written as {', '.join(ENDINGS.values())}; give one of these endings."
    )


def _write_tiff(objects: Objects, path: Path) -> None:
    write_labels(path, objects.labels, objects.pixel_size_um, objects.axes)


def _write_ome_tiff(objects: Objects, path: Path) -> None:
    write_ome_tiff(path, objects.labels, objects.pixel_size_um, objects.axes)


def _write_ome_zarr(objects: Objects, path: Path) -> None:
    write_ome_zarr_labels(path, objects.labels, objects.pixel_size_um, objects.axes)


def _write_rois(objects: Objects, path: Path) -> None:
    write_rois(path, outlines(objects.labels), objects.axes, objects.classes)


def _write_geojson(objects: Objects, path: Path) -> None:
    axes = plane_letters(objects.axes, objects.labels.ndim - 2)
    write_geojson(path, outlines(objects.labels), axes, objects.classes, objects.measurements)


def _write_coco(objects: Objects, path: Path) -> None:
    found = outlines(objects.labels)
    write_coco(path, objects.labels.shape, found, objects.name, objects.classes, objects.class_names)


_WRITERS: dict[Format, Callable[[Objects, Path], None]] = {
    Format.TIFF: _write_tiff, Format.OME_TIFF: _write_ome_tiff, Format.OME_ZARR: _write_ome_zarr,
    Format.ROIS: _write_rois, Format.GEOJSON: _write_geojson, Format.COCO: _write_coco,
}  # fmt: skip
