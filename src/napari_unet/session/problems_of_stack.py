"""What a plane lacks is no problem where other planes of the stack have it: all of them train together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_unet.annotation.boxes import values_present
from napari_unet.annotation.coding import BACKGROUND, FIRST, LabelsAre
from napari_unet.annotation.problems import Problem
from napari_unet.session.image import Plane
from napari_unet.session.painting import Painting


def as_part_of_stack(problems: Sequence[Problem], painting: Painting, plane: Plane) -> list[Problem]:
    """Return the problems of one plane as they count in a stack.

    An empty plane leads to the nearest one on which something is painted.
    """
    if not plane or not any(problem.blocking for problem in problems):
        return list(problems)
    others = [other for other in painting.annotated_planes() if other != plane]
    if not others:
        return list(problems)
    enough = _teaches(painting, [*others, plane])
    found = []
    for problem in problems:
        if problem.kind == "empty":
            found.append(replace(_look_elsewhere(painting, plane, others), blocking=not enough))
        elif problem.kind in ("no_background", "only_one_class"):
            found.append(replace(problem, blocking=not enough))
        else:
            found.append(problem)
    return found


def _teaches(painting: Painting, planes: Sequence[Plane]) -> bool:
    """Whether all planes together hold what a training needs."""
    values = np.unique(np.concatenate([values_present(painting.with_regions(plane), 1) for plane in planes]))
    if painting.labels_are is LabelsAre.OBJECTS:
        return bool((values == BACKGROUND).any() and (values >= FIRST).any())
    return values.size > 1


def _look_elsewhere(painting: Painting, plane: Plane, others: Sequence[Plane]) -> Problem:
    n = len(others)
    count = "another plane is" if n == 1 else f"{n} other planes are"
    nearest = min(others, key=lambda other: [abs(a - b) for a, b in zip(other, plane, strict=True)])
    painted = np.argwhere(painting.labels[nearest])
    where = (*nearest, *(int(i) for i in painted[len(painted) // 2])) if painted.size else None
    return Problem(f"Nothing is painted on this plane; {count} annotated.", False, where, "empty")
