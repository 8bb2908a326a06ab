"""Outlines of single cells as functions of place: below 1 inside, 1 on the outline, above 1 outside."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
N_ANGLES = 256
WAVES = np.arange(2, 10)
ANGLES = np.arange(N_ANGLES) * (2 * np.pi / N_ANGLES)
COSINES, SINES = np.cos(WAVES[:, None] * ANGLES), np.sin(WAVES[:, None] * ANGLES)
MAX_REACH = 4.0  # no form reaches further from its centre, in units of its radius


class Kind(StrEnum):
    """Families of cell shapes."""

    ROUND = "round"
    LOBED = "lobed"
    POLYGON = "polygon"
    ROD = "rod"
    SPINDLE = "spindle"
    BRANCHED = "branched"
    CRESCENT = "crescent"


@dataclass(frozen=True)
class Form:
    """The shape of one cell in its own frame.

    Attributes
    ----------
    kind : Kind
    radius : float
        Radius in px of the circle of equal area.
    angle : float
        Direction of the long axis in radians, from x to y.
    stretch : float
        Long axis over short axis.
    bend : float
        Sagitta of the long axis over the radius, for kinds that have a long axis.
    outline : (256,) float32
        Distance of the outline over `radius` in every direction, for the kinds that are seen whole from the centre.
    arms : (n, 4) float64
        Angle, length, half width and bend of every arm, in units of the radius.
    reach : float
        Distance in px beyond which nothing of the cell lies.
    """

    kind: Kind
    radius: float
    angle: float
    stretch: float
    bend: float = 0.0
    outline: Field = field(default_factory=lambda: np.ones(N_ANGLES, np.float32))
    arms: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 4)))
    reach: float = 0.0


def draw_form(kind: Kind, radius: float, angle: float, irregular: float, rng: np.random.Generator) -> Form:
    """Draw one random shape.

    Parameters
    ----------
    kind : Kind
    radius : float
        Radius in px of the circle of equal area.
    angle : float
        Direction of the long axis in radians.
    irregular : float
        0 smooth and regular, 1 strongly irregular.
    rng : numpy.random.Generator

    Returns
    -------
    Form
        With exactly the area of the circle (to the grid that it is measured on).
    """
    stretch = 1 + abs(rng.normal(0, 0.25 + 0.25 * irregular))
    if kind in (Kind.ROUND, Kind.LOBED, Kind.POLYGON):
        outline = _polygon(rng) if kind is Kind.POLYGON else _waves(kind, irregular, rng)
        return _star_convex(Form(kind, radius, angle, min(stretch, 2.6), outline=outline))
    if kind is Kind.BRANCHED:
        form = Form(kind, radius, angle, stretch, arms=_arms(rng))
    else:
        slender = {Kind.ROD: (1.8, 5.0), Kind.SPINDLE: (2.5, 7.0), Kind.CRESCENT: (0.35, 0.75)}[kind]
        form = Form(
            kind,
            radius,
            angle,
            float(rng.uniform(*slender)),
            float(np.clip(rng.normal(0, 0.12), -0.25, 0.25)),
        )
    return _with_area_of_circle(form)


def _waves(kind: Kind, irregular: float, rng: np.random.Generator) -> Field:
    """Outline with random harmonics, whose amplitude falls with their number."""
    amplitude = (0.03 + 0.07 * irregular) if kind is Kind.ROUND else (0.12 + 0.2 * irregular)
    fall = (WAVES - 1.0) ** (1.5 if kind is Kind.ROUND else 0.8)
    cosine, sine = rng.normal(0, amplitude, (2, len(WAVES))) / fall
    return np.asarray(np.clip(1 + cosine @ COSINES + sine @ SINES, 0.35, 2), np.float32)


def _polygon(rng: np.random.Generator) -> Field:
    """Rounded polygon of 4 to 8 unequal sides: the soft minimum of the distances to the sides."""
    n = int(rng.integers(4, 9))
    normals = (np.arange(n) + rng.uniform(-0.25, 0.25, n)) * 2 * np.pi / n
    distance = rng.uniform(0.8, 1.15, n)
    facing = np.maximum(np.cos(ANGLES[:, None] - normals), 1e-3) / distance
    sharpness = rng.uniform(7, 20)
    return np.asarray((facing**sharpness).sum(axis=1) ** (-1 / sharpness), np.float32)


def _arms(rng: np.random.Generator) -> NDArray[np.float64]:
    n = int(rng.integers(2, 7))
    angles = (np.arange(n) + rng.uniform(-0.35, 0.35, n)) * 2 * np.pi / n
    return np.stack(
        [angles, rng.uniform(1.2, 3.0, n), rng.uniform(0.14, 0.34, n), rng.normal(0, 0.12, n)], axis=1
    )


def _star_convex(form: Form) -> Form:
    outline = form.outline / np.sqrt(np.mean(form.outline**2))
    reach = form.radius * float(outline.max()) * np.sqrt(form.stretch)
    return replace(form, outline=outline.astype(np.float32), reach=reach)


def _with_area_of_circle(form: Form) -> Form:
    """Scale a form so that its area is that of its circle, by measuring it on a coarse grid."""
    unit = replace(form, radius=1.0, angle=0.0)
    grid = np.linspace(-MAX_REACH, MAX_REACH, 48, dtype=np.float32)
    step = float(grid[1] - grid[0])
    inside = relative_depth(unit, grid[:, None], grid[None, :]) < 1
    area = max(float(inside.sum()), 1.0) * step**2
    far = np.hypot(grid[:, None], grid[None, :])[inside]
    scale = np.sqrt(np.pi / area)
    # thin tips may lie between the places where the form was measured
    tips = _tips(unit) if form.kind is Kind.SPINDLE else 0.0
    reach = (max(float(far.max()), tips) + 2 * step if far.size else 1.0) * scale * form.radius
    return replace(form, radius=form.radius * scale, reach=reach)


def relative_depth(form: Form, dy: Field, dx: Field) -> Field:
    """Evaluate a form at places relative to its centre.

    Parameters
    ----------
    form : Form
    dy, dx : float32
        Distances from the centre in px, of shapes that broadcast.

    Returns
    -------
    float32
        Near 0 in the middle, 1 on the outline, above 1 outside.
    """
    cosine, sine = np.float32(np.cos(form.angle)), np.float32(np.sin(form.angle))
    u = np.asarray((cosine * dx + sine * dy) / np.float32(form.radius), np.float32)
    v = np.asarray((cosine * dy - sine * dx) / np.float32(form.radius), np.float32)
    match form.kind:
        case Kind.ROD:
            depth = _rod(form, u, v)
        case Kind.SPINDLE:
            depth = _spindle(form, u, v)
        case Kind.BRANCHED:
            depth = _branched(form, u, v)
        case Kind.CRESCENT:
            depth = np.maximum(np.hypot(u, v), 2 - np.hypot(u - 0.6, v) / np.float32(form.stretch + 0.15))
        case _:
            depth = _from_outline(form, u, v)
    return np.asarray(depth, np.float32)


def _from_outline(form: Form, u: Field, v: Field) -> Field:
    root = np.float32(np.sqrt(form.stretch))
    u, v = u / root, v * root
    index = (np.arctan2(v, u) * np.float32(N_ANGLES / (2 * np.pi))).astype(np.int32) % N_ANGLES
    return np.asarray(np.hypot(u, v) / form.outline[index], np.float32)


def _rod(form: Form, u: Field, v: Field) -> Field:
    half_width = 1 / np.sqrt(form.stretch)
    straight = half_width * (form.stretch - 1)
    v = v - np.float32(form.bend) * u * u
    return np.asarray(np.hypot(np.maximum(np.abs(u) - straight, 0), v) / half_width, np.float32)


def _spindle(form: Form, u: Field, v: Field) -> Field:
    """A body between two tapering ends of unequal length, bent like a bow."""
    v = v - np.float32(form.bend) * u * u
    root = np.float32(np.sqrt(form.stretch))
    u = u / root
    u = u * np.where(u > 0, np.float32(1 + 2 * form.bend), np.float32(1 - 2 * form.bend))
    # the width falls as (1 - u²)² to the ends, where the sides come to lie side by side
    width = np.maximum(1 - u * u, 0.02) ** 2
    return np.asarray(np.maximum(np.abs(v) * root / (width + 0.06), np.abs(u)), np.float32)


def _tips(unit: Form) -> float:
    """Distance of a spindle's farther end from its centre."""
    along = float(np.sqrt(unit.stretch)) / (1 - 2 * abs(unit.bend))
    return float(np.hypot(along, unit.bend * along**2))


def _branched(form: Form, u: Field, v: Field) -> Field:
    """A round body with tapering, bent arms."""
    depth = np.asarray(np.hypot(u, v * np.float32(min(form.stretch, 1.6))) / 0.75, np.float32)
    for angle, length, half_width, bend in form.arms:
        along = np.cos(angle, dtype=np.float32) * u + np.sin(angle, dtype=np.float32) * v
        across = np.cos(angle, dtype=np.float32) * v - np.sin(angle, dtype=np.float32) * u
        across = across - np.float32(bend) * along * along
        taper = half_width * np.maximum(1 - 0.75 * along / length, 0.05)
        arm = np.maximum(np.abs(across) / taper, along / length)
        depth = np.minimum(depth, np.where(along > 0, arm, np.float32(9)))
    return np.asarray(depth, np.float32)
