"""What tests of the dock do again and again."""

from __future__ import annotations

from typing import Any


def add_discs(dock: Any, discs: Any, annotated: bool = True) -> Any:
    """Open the discs; return the annotation layer."""
    dock.viewer.add_image(discs[0], name="discs")
    if not annotated:
        return None
    said = {"coding": "project", "labels_are": "objects", "class_names": ()}
    return dock.viewer.add_labels(discs[1].copy(), metadata={"napari_unet": said})


def words(dock: Any) -> str:
    return dock.messages.text()
