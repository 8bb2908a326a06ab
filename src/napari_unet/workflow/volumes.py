"""From painted planes of stacks to the volumes that a network of volumes trains on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.targets import Target
from napari_unet.annotation.terms import Floats
from napari_unet.annotation.volume_weights import volume_weight_map
from napari_unet.annotation.weight_map import WeightMapSettings, class_factors
from napari_unet.errors import UserError
from napari_unet.network.model_file import ModelDescription
from napari_unet.network.sampling import TrainingImage
from napari_unet.network.scaling import (
    TARGET_SIZE,
    Normalisation,
    measure_normalisation,
    normalise,
    resample_volume,
)
from napari_unet.objects.linking import link_planes
from napari_unet.objects.overlaps import Int32Array, count_overlaps
from napari_unet.workflow.annotated import AnnotatedImage, Stack
from napari_unet.workflow.frame import Frame
from napari_unet.workflow.measured import Magnification, measure
from napari_unet.workflow.preparation import (
    GreyRange,
    Prepared,
    frame_of,
    target_of,
)

CONTEXT_PLANES = 12
"""Planes kept before the first and behind the last annotated one, so that the network sees where they are."""
SAME_STEP = 1.25
"""Steps between planes that differ by no more than this factor are seen as they are."""
MEASURED_PLANES = 16
"""Planes of a stack that its grey range is measured on."""


def prepare_volumes(
    images: Sequence[AnnotatedImage],
    labels_are: LabelsAre,
    class_names: Sequence[str],
    weights: WeightMapSettings,
    *,
    start: ModelDescription | None = None,
    object_size: float | None = None,
    grey_range: GreyRange = "auto",
    magnification: Magnification = "auto",
) -> Prepared:
    """Measure as for planes, then bring the stacks of annotated planes to the network's scale.

    What is not annotated weighs nothing, in planes as between them.

    Parameters
    ----------
    images
        Annotated planes that tell which stack they are of.
    weights, start, object_size, magnification
        See `prepare`.
    grey_range
        *As in training*: all stacks are seen in the range of these. *Per image*: each in its own.

    Raises
    ------
    UserError
        When the annotation can't teach anything, images do not fit each other, or one is of no stack.
    """
    measured = measure(images, labels_are, class_names, start, object_size, magnification)
    scales = {image.name: scale for image, scale in zip(measured.images, measured.scales, strict=True)}
    stacks = [_Planes.of(planes, scales) for planes in _by_stack(measured.images)]
    normalisation = _choose_grey_range(stacks, grey_range, start)
    inherited = start.plane_step if start is not None else None
    step = inherited or max(1.0, float(np.median([stack.step for stack in stacks])))
    size = TARGET_SIZE if measured.own_size else (measured.object_size or TARGET_SIZE) * measured.scale
    targets = [[target_of(plane, stack.frame, labels_are) for plane in stack.planes] for stack in stacks]
    every = [target for of_stack in targets for target in of_stack]
    factors = class_factors([t.classes for t in every], [t.known for t in every], measured.n_classes)
    return Prepared(
        [
            _volume(stack, of_stack, normalisation, step, size, weights, factors)
            for stack, of_stack in zip(stacks, targets, strict=True)
        ],
        [stack.frame for stack in stacks],
        normalisation,
        measured.scale,
        measured.own_size,
        measured.object_size,
        measured.pixel_size_um,
        measured.n_classes,
        sum(int(np.unique(t.objects[t.objects > 0]).size) for t in every),
        plane_step=step,
    )


@dataclass(frozen=True, eq=False)
class _Planes:
    """The annotated planes of one stack."""

    stack: Stack
    planes: list[AnnotatedImage]
    frame: Frame
    step: float  # px of the network from one plane to the next

    @classmethod
    def of(cls, planes: list[AnnotatedImage], scales: dict[str, float]) -> _Planes:
        stack = planes[0].stack
        assert stack is not None
        frames = [frame_of(plane, scales[plane.name]) for plane in planes]
        tops, bottoms, lefts, rights = zip(*(frame.box for frame in frames), strict=True)
        frame = Frame(stack.name, (min(tops), max(bottoms), min(lefts), max(rights)), frames[0].scale)
        return cls(stack, planes, frame, (stack.step or 1.0) * frame.scale)


def stack_name(image: AnnotatedImage) -> str:
    """Return the name of the stack that a plane is of, or its own."""
    return image.name if image.stack is None else image.stack.name


def number_of(image: AnnotatedImage) -> int:
    """Return which plane of its stack a plane is."""
    return 0 if image.stack is None else image.stack.number


def _by_stack(images: Sequence[AnnotatedImage]) -> list[list[AnnotatedImage]]:
    """Group planes by their stack, from its first to its last."""
    stacks: dict[str, list[AnnotatedImage]] = {}
    for image in images:
        if image.stack is None:
            raise UserError(
                f"“{image.name}” is no plane of a stack, and a network of volumes learns from those; "
                "train on planes instead, or choose a stack."
            )
        stacks.setdefault(image.stack.name, []).append(image)
    return [sorted(planes, key=number_of) for planes in stacks.values()]


def _choose_grey_range(
    stacks: Sequence[_Planes], grey_range: GreyRange, start: ModelDescription | None
) -> Normalisation:
    """Decide how grey values reach the network; "auto" takes one range for one stack, else each stack's own."""
    pixels = [np.stack([plane.image for plane in stack.planes], axis=1) for stack in stacks]
    if start is not None and len(start.normalisation.low) == pixels[0].shape[0]:
        return start.normalisation
    if grey_range == "auto":
        grey_range = "per image" if len(stacks) > 1 else "as in training"
    return measure_normalisation(pixels, grey_range)


def _volume(
    stack: _Planes,
    targets: Sequence[Target],
    normalisation: Normalisation,
    step: float,
    size: float,
    weights: WeightMapSettings,
    factors: Floats,
) -> TrainingImage:
    """Read a stack around its annotated planes, and put what they teach into its place."""
    numbers = np.array([number_of(plane) for plane in stack.planes])
    first, end = (
        max(int(numbers[0]) - CONTEXT_PLANES, 0),
        min(int(numbers[-1]) + CONTEXT_PLANES + 1, stack.stack.n),
    )
    stretch = stack.step / step
    if 1 / SAME_STEP <= stretch <= SAME_STEP:
        stretch = 1.0
    image = resample_volume(_pixels(stack, first, end, normalisation), stack.frame.scale, stretch)
    n = image.shape[1]
    at = np.minimum(((numbers - first + 0.5) * n / (end - first)).astype(int), n - 1)
    at, kept = np.unique(at, return_index=True)  # of two that fall on one plane, one teaches
    shown = [targets[k] for k in kept]

    def volume_of(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
        volume = np.zeros((n, *stack.frame.shape), parts[0].dtype)
        volume[at] = parts
        return volume

    classes, known = volume_of([t.classes for t in shown]), volume_of([t.known for t in shown])
    whole = volume_of(_whole_objects([t.objects for t in shown]))
    spacing = (stack.step / stretch, 1.0, 1.0)
    return TrainingImage(
        name=stack.stack.name,
        image=image,
        classes=classes,
        weights=volume_weight_map(classes, known, whole, weights, spacing, factors),
        distance=volume_of([depth_in_plane(t, size) for t in shown]),
        distance_known=volume_of([t.distance_known for t in shown]),
        objects=volume_of(_sections([t.objects for t in shown])),
        plane_step=spacing[0],
    )


def _pixels(stack: _Planes, first: int, end: int, normalisation: Normalisation) -> NDArray[np.float32]:
    if normalisation.mode == "per image":
        some = np.unique(np.linspace(0, stack.stack.n - 1, MEASURED_PLANES).astype(int))
        spread = np.concatenate([stack.stack.read(int(z), int(z) + 1) for z in some], axis=1)
        normalisation = measure_normalisation([spread])
    y0, y1, x0, x1 = stack.frame.box
    return normalise(stack.stack.read(first, end)[:, :, y0:y1, x0:x1], normalisation)


def depth_in_plane(target: Target, size: float) -> NDArray[np.float32]:
    """Return how deep pixels lie in the section of their object, 1 from half of a typical diameter on.

    For planes it is the depth over the deepest of each object. Here it must stay small where a section is: between two
    cells that lie upon one another the sections become small, and that is all that tells them apart.

    Parameters
    ----------
    target
        Of one plane.
    size
        Typical diameter in px.
    """
    inside = (target.objects > 0) & (target.classes > 0)
    if inside.all():
        return np.ones(inside.shape, np.float32)
    depth = ndimage.distance_transform_edt(inside) / max(size / 2, 1.0)
    result: NDArray[np.float32] = np.minimum(depth, 1).astype(np.float32)
    return result


def _sections(objects: Sequence[Int32Array]) -> list[Int32Array]:
    """Number the sections of all planes in one row."""
    numbered, n = [], 0
    for plane in objects:
        values = np.unique(plane[plane > 0])
        numbered.append(np.where(plane > 0, np.searchsorted(values, plane) + 1 + n, 0).astype(np.int32))
        n += values.size
    return numbered


def _whole_objects(objects: Sequence[Int32Array]) -> Sequence[Int32Array]:
    """Give the sections of an object one number on all planes.

    They have one where somebody painted in space. Where planes were painted one by one, a cell has another number on
    each, or one that is a different cell's above: then sections that overlap are one object.
    """
    same = shared = 0
    for one, next_one in itertools.pairwise(objects):
        pairs = count_overlaps(one, next_one).of_objects()
        shared += int(pairs.pixels.sum())
        same += int(pairs.pixels[pairs.first == pairs.second].sum())
    if 2 * same >= shared:
        return objects
    linked = link_planes(lambda plane: objects[plane[0]], (len(objects),), depth=0)
    return [linked.apply((k,), plane) for k, plane in enumerate(objects)]
