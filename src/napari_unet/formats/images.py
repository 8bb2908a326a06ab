"""Images and label images from and to files: the one place to import them from."""

from napari_unet.formats.axes import match_channels, plane_axes, planes, to_channels_first
from napari_unet.formats.paths import find_images, find_labels, name_of, pair_by_name
from napari_unet.formats.reading import ImageFile, read_image, read_labels
from napari_unet.formats.writing import write_labels, write_probabilities

__all__ = [
    "ImageFile",
    "find_images",
    "find_labels",
    "match_channels",
    "name_of",
    "pair_by_name",
    "plane_axes",
    "planes",
    "read_image",
    "read_labels",
    "to_channels_first",
    "write_labels",
    "write_probabilities",
]
