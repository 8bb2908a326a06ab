"""Stacks of the session's image as volumes: what planes know of those above and below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.errors import Stopped, UserError
from napari_unet.session.image import ImageSource, Plane

if TYPE_CHECKING:
    from napari_unet.session.tasks import SegmentationTask
    from napari_unet.workflow import Segmented, Stack

AROUND = 16
"""Planes above and below those that are asked for that the network sees."""


def depth_of(image: ImageSource) -> int | None:
    """Return which of an image's axes is its depth; ``None`` where it has none, or one plane."""
    axis = image.axes[:-2].find("Z")
    return axis if axis >= 0 and image.spatial_shape[axis] > 1 else None


def plane_step_of(image: ImageSource) -> float | None:
    """Return how far apart the planes are in widths of a pixel, where the scale of the axes tells."""
    depth = depth_of(image)
    if depth is None or len(image.scale) != len(image.spatial_shape):
        return None
    step = float(image.scale[depth]) / float(image.scale[-1])
    return step if np.isfinite(step) and step > 0 and step != 1 else None  # 1 is what stands there by default


def stack_of(image: ImageSource, plane: Plane, channels: tuple[int, ...], called: str) -> Stack | None:
    """Return the stack that a plane is of, ``None`` for an image without depth."""
    from napari_unet.workflow import Stack

    depth = depth_of(image)
    if depth is None:
        return None
    others = plane[:depth] + plane[depth + 1 :]
    name = " ".join([called, "stack", *map(str, others)])

    def read(first: int, end: int) -> NDArray[Any]:
        return _read(image, plane, depth, range(first, end), channels)

    return Stack(name, plane[depth], image.spatial_shape[depth], read, plane_step_of(image))


def check_depth(image: ImageSource) -> None:
    """Raise `UserError` for an image without depth."""
    if depth_of(image) is None:
        raise UserError(
            f"The network sees volumes and “{image.name}” is no stack; choose an earlier round of planes, or a stack."
        )


def run_volumes(
    task: SegmentationTask,
    on_progress: OnProgress,
    should_stop: ShouldStop,
    on_plane: Callable[[Plane, Segmented], None] | None = None,
) -> dict[Plane, Segmented]:
    """Segment the stacks that a task's planes are of, and return these planes; see `SegmentationTask.run`.

    Where not all planes of a stack are asked for, the network sees those and `AROUND` on both sides.
    """
    from napari_unet.workflow import segment_volume
    from napari_unet.workflow.volume_files import plane_of

    image, model = task.image, task.network
    check_depth(image)
    depth = depth_of(image)
    assert depth is not None
    stacks: dict[Plane, list[Plane]] = {}
    for plane in task.planes:
        stacks.setdefault(plane[:depth] + plane[depth + 1 :], []).append(plane)
    for k, planes in enumerate(stacks.values()):

        def report(fraction: float, message: str, k: int = k) -> None:
            on_progress((k + fraction) / len(stacks), message)

        shown = _around([plane[depth] for plane in planes], image.spatial_shape[depth])
        try:
            whole = segment_volume(
                model,
                _read(image, planes[0], depth, shown, task.channels),
                plane_step=plane_step_of(image),
                object_size=task.size.given,
                pixel_size_um=image.pixel_size_um,
                averaging=task.averaging,
                device=task.device,
                on_progress=report,
                should_stop=should_stop,
            )
        except Stopped:
            if k == 0:
                raise
            break
        whole = replace(whole, probabilities=whole.probabilities.astype(np.float16))
        for plane in planes:
            segmented = plane_of(whole, plane[depth] - shown.start)
            if on_plane is None:
                task.done[plane] = segmented
            else:
                on_plane(plane, segmented)
    return task.done


def _around(numbers: Sequence[int], n: int) -> range:
    if len(set(numbers)) == n:
        return range(n)
    return range(max(min(numbers) - AROUND, 0), min(max(numbers) + AROUND + 1, n))


def _read(
    image: ImageSource, plane: Plane, depth: int, numbers: range, channels: tuple[int, ...]
) -> NDArray[Any]:
    """Read planes of the stack that a plane is of, ``(C, Z, Y, X)``."""
    return np.stack(
        [image.plane((*plane[:depth], z, *plane[depth + 1 :]), channels) for z in numbers], axis=1
    )
