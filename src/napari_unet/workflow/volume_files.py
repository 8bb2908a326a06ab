"""The stacks of one file, segmented as volumes and given back plane by plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.errors import UserError
from napari_unet.formats.images import ImageFile, match_channels, plane_axes
from napari_unet.workflow.annotated import AnnotatedImage, Stack

if TYPE_CHECKING:
    from napari_unet.workflow.segmentation import Segmented

Index = tuple[int, ...]


def segment_stacks(
    run: Callable[..., Segmented],
    planes: Sequence[tuple[Index, NDArray[Any]]],
    file: ImageFile,
    name: str,
    on_progress: OnProgress,
    should_stop: ShouldStop,
    are_objects: bool = True,
) -> list[Segmented]:
    """Segment every stack of a file as a whole.

    Parameters
    ----------
    run
        Segments a stack ``(C, Z, Y, X)`` as `segment_volume` does.
    planes
        All planes of the file ``(C, Y, X)`` with their index along its axes of planes.
    name
        What to call the file in messages.
    are_objects
        Labels are objects, not classes.

    Returns
    -------
    list of Segmented
        One per plane, in their order; an object has one number on all planes of its stack, and no other has it.

    Raises
    ------
    UserError
        If the file has no axis Z.
    """
    axes = plane_axes(file.axes)
    if "Z" not in axes:
        raise UserError(
            f"{name} has no axis Z, and this network sees volumes: choose a stack, or a network of planes."
        )
    z = axes.index("Z")
    stacks: dict[Index, list[tuple[Index, NDArray[Any]]]] = {}
    for index, plane in planes:
        stacks.setdefault(index[:z] + index[z + 1 :], []).append((index, plane))
    found: dict[Index, Segmented] = {}
    n_objects = 0
    for k, members in enumerate(stacks.values()):

        def report(fraction: float, words: str, k: int = k) -> None:
            on_progress((k + fraction) / len(stacks), words)

        whole = run(
            np.stack([plane for _, plane in members], axis=1),
            plane_step=plane_step_of(file),
            pixel_size_um=file.pixel_size_um,
            on_progress=report,
            should_stop=should_stop,
        )
        if are_objects and n_objects:
            whole = replace(
                whole, labels=np.where(whole.labels > 0, whole.labels + n_objects, 0).astype(np.int32)
            )
        n_objects = max(n_objects, int(whole.labels.max(initial=0)))
        found |= {index: plane_of(whole, number) for number, (index, _) in enumerate(members)}
    return [found[index] for index, _ in planes]


def plane_of(whole: Segmented, number: int) -> Segmented:
    """Return what was found on one plane of a stack."""
    return replace(
        whole,
        labels=whole.labels[number],
        probabilities=whole.probabilities[:, number],
        distance=None if whole.distance is None else whole.distance[number],
        in_space=True,
    )


def plane_step_of(file: ImageFile) -> float | None:
    """Return how far apart a file's planes are in widths of a pixel, where it tells both."""
    if not file.plane_distance_um or not file.pixel_size_um:
        return None
    return file.plane_distance_um / file.pixel_size_um


def stack_in(
    file: ImageFile, pixels: Mapping[Index, NDArray[Any]], index: Index, plane_step: float | None = None
) -> Stack | None:
    """Return the stack of a file that a plane is of, ``None`` where there is no axis Z.

    Parameters
    ----------
    pixels
        All planes of the file ``(C, Y, X)``.
    index
        That of the plane.
    plane_step
        Distance of the planes in widths of a pixel; as the file says by default.
    """
    z = plane_axes(file.axes).find("Z")
    if z < 0:
        return None
    n = 1 + max(other[z] for other in pixels)

    def read(first: int, end: int) -> NDArray[Any]:
        return np.stack([pixels[(*index[:z], k, *index[z + 1 :])] for k in range(first, end)], axis=1)

    name = " ".join([file.name, "stack", *map(str, index[:z] + index[z + 1 :])])
    return Stack(name, index[z], n, read, plane_step or plane_step_of(file))


def with_channels(plane: AnnotatedImage, n_channels: int, name: str) -> AnnotatedImage:
    """Give a plane, and the stack that it is of, as many channels as the network has."""
    pixels = np.ascontiguousarray(match_channels(plane.image, n_channels, name))
    stack = plane.stack
    if stack is None:
        return replace(plane, image=pixels)
    wider = replace(stack, read=lambda first, end: match_channels(stack.read(first, end), n_channels, name))
    return replace(plane, image=pixels, stack=wider)
