"""Cells that move, grow and divide."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_unet.synthetic.shapes import Form
from napari_unet.synthetic.tissue import Tissue

PERSISTENCE = 0.8  # correlation of a cell's steps from frame to frame
MITOSIS = 3  # frames in which a cell rounds up before it divides
PUSHES = 4


@dataclass
class LiveCell:
    """One cell of a series at one time.

    Attributes
    ----------
    number : int
        Its label in the whole series.
    place, step : (2,) float64
        Centre and last movement in px.
    form : Form
        At full size.
    age, life : int
        Frames since birth, and frames from birth to division.
    spin : float
        Rotation in radians per frame.
    """

    number: int
    place: NDArray[np.float64]
    step: NDArray[np.float64]
    form: Form
    age: int
    life: int
    spin: float

    def shown_form(self) -> Form:
        """Shape at this age: daughters begin with half the area, and round up before they divide."""
        grown = np.sqrt(0.5 + 0.5 * min(self.age / max(0.5 * self.life, 1), 1))
        before = max(0, MITOSIS - (self.life - self.age)) / MITOSIS
        outline = self.form.outline ** np.float32(1 - before)
        return replace(
            self.form,
            radius=self.form.radius * grown,
            reach=self.form.reach * grown,
            outline=outline,
            stretch=self.form.stretch ** (1 - before),
        )


class Colony:
    """All cells of a series, moved from frame to frame."""

    def __init__(self, tissue: Tissue, speed: float, life: float, rng: np.random.Generator) -> None:
        self.rng = rng
        self.speed = speed  # px per frame
        self.life = life  # mean frames between divisions
        self.cells = [
            self._begin(i + 1, centre, form, int(rng.integers(max(int(life), 1))))
            for i, (centre, form) in enumerate(zip(tissue.centres, tissue.forms, strict=True))
        ]
        self.parents = {cell.number: 0 for cell in self.cells}  # of all cells that ever were

    def _begin(self, number: int, place: NDArray[np.float64], form: Form, age: int) -> LiveCell:
        life = max(MITOSIS + 1, age + 1, round(self.life * float(np.exp(self.rng.normal(0, 0.2)))))
        step = self.rng.normal(0, self.speed, 2)
        return LiveCell(number, place, step, form, age, life, float(self.rng.normal(0, 0.05)))

    def advance(self) -> None:
        """Let one frame's time pass."""
        for cell in self.cells:
            kick = self.rng.normal(0, self.speed, 2)
            cell.step = PERSISTENCE * cell.step + np.sqrt(1 - PERSISTENCE**2) * kick
            cell.place = cell.place + cell.step
            cell.age += 1
            outline = cell.form.outline + self._ripple()
            cell.form = replace(
                cell.form, angle=cell.form.angle + cell.spin, outline=np.maximum(outline, 0.35)
            )
        self.cells = [new for cell in self.cells for new in self._next(cell)]
        self._push_apart()

    def _ripple(self) -> NDArray[np.float32]:
        """A small slow change of an outline."""
        angle = np.arange(256) * (2 * np.pi / 256)
        wave = int(self.rng.integers(2, 6))
        return np.asarray(
            self.rng.normal(0, 0.015) * np.cos(wave * angle + self.rng.uniform(0, 6.28)), np.float32
        )

    def _next(self, cell: LiveCell) -> list[LiveCell]:
        """The cell itself, or its daughters on both sides of the plane of division."""
        if cell.age < cell.life:
            return [cell]
        way = np.array([np.sin(cell.form.angle), np.cos(cell.form.angle)]) * cell.form.radius * 0.6
        daughters = []
        for side in (-1, 1):
            number = len(self.parents) + 1
            self.parents[number] = cell.number
            daughters.append(self._begin(number, cell.place + side * way, cell.form, 0))
        return daughters

    def _push_apart(self) -> None:
        """Move cells that overlap away from each other."""
        if len(self.cells) < 2:
            return
        place = np.stack([cell.place for cell in self.cells])
        radius = np.array([cell.shown_form().radius for cell in self.cells])
        for _ in range(PUSHES):
            between = place[:, None] - place[None]
            distance = np.linalg.norm(between, axis=2) + np.eye(len(place)) * 1e9 + 1e-9
            overlap = np.maximum(0.9 * (radius[:, None] + radius[None]) - distance, 0)
            place = place + 0.25 * (between / distance[..., None] * overlap[..., None]).sum(axis=1)
        for cell, moved in zip(self.cells, place, strict=True):
            cell.place = moved
