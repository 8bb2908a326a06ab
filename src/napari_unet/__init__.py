"""napari-unet: paint a few cells, press Train, correct, train again."""

__version__ = "0.1.0"
