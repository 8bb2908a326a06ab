"""Segmenting stacks as volumes: what planes know of those above and below them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.errors import Stopped
from napari_unet.session.depth import check_depth, depth_of, plane_step_of, read_planes
from napari_unet.session.image import Plane

if TYPE_CHECKING:
    from napari_unet.session.tasks import SegmentationTask
    from napari_unet.workflow import Segmented

AROUND = 16
"""Planes above and below those that are asked for that the network sees."""


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
                read_planes(image, planes[0], depth, shown, task.channels),
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
