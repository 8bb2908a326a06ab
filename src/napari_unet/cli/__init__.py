"""The loop from a shell: ``napari-unet`` and its commands."""

from napari_unet.cli.commands import app, main

__all__ = ["app", "main"]
