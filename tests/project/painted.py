"""Projects to try things on, and strokes to put into them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from napari_unet.objects.changes import Change
from napari_unet.project import ImageDescription, ImageEntry, Project
from napari_unet.project.disk import Disk

SHAPE = (2, 60, 70)
FOLDER = Path("/project")


def an_image(shape: tuple[int, ...] = SHAPE, name: str = "cells") -> ImageDescription:
    return ImageDescription(name=name, axes="TZYX"[-len(shape) :], shape=shape, dtype="uint8")


def a_project(
    folder: Path = FOLDER, disk: Disk | None = None, shape: tuple[int, ...] = SHAPE
) -> tuple[Project, ImageEntry]:
    """Return a project with one image whose annotation was begun."""
    project = Project.create(folder, disk=disk)
    entry = project.add_image(an_image(shape))
    entry.replace_array("annotation")
    return project, entry


@dataclass(frozen=True)
class Box:
    """A stroke: a box of one value."""

    offset: tuple[int, ...]
    shape: tuple[int, ...]
    value: int

    def change(self) -> Change:
        new = np.full(self.shape, self.value, np.int32)
        return Change(self.offset, np.zeros_like(new), new)

    def paint(self, array: np.ndarray) -> None:
        array[self.change().box] = self.value


def paint(entry: ImageEntry, box: Box, which: str = "annotation") -> None:
    entry.record([(which, box.change())])


def painted(boxes: list[Box], shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    array = np.zeros(shape, np.int32)
    for box in boxes:
        box.paint(array)
    return array


@st.composite
def boxes(draw: st.DrawFn, shape: tuple[int, ...] = SHAPE) -> Box:
    offset, size = [], []
    for n in shape:
        start = draw(st.integers(0, n - 1))
        offset.append(start)
        size.append(draw(st.integers(1, n - start)))
    return Box(tuple(offset), tuple(size), draw(st.integers(0, 2**31 - 1)))
