"""A training in the words of a project's files, before it begins: all that is needed to do it again."""

from __future__ import annotations

import logging
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib import metadata
from itertools import groupby
from typing import TYPE_CHECKING

from pydantic import ValidationError

from napari_unet.project import Project
from napari_unet.project.revisions import Beginning, KeptAnnotation, KeptPlane, KeptStack, Revision
from napari_unet.session.described import regions_as_json
from napari_unet.session.lessons import corrections_as_json
from napari_unet.session.rounds import BUNDLED, SCRATCH
from napari_unet.session.tasks import TrainingTask

if TYPE_CHECKING:
    from napari_unet.workflow import AnnotatedImage

_log = logging.getLogger("napari_unet")


def with_revision(
    task: TrainingTask,
    project: Project,
    image_id: str,
    start: str,
    begun_from: int | None,
    revisions: dict[int, str],
) -> TrainingTask:
    """Return the task that keeps all that goes into it, so that it can be repeated.

    Parameters
    ----------
    image_id, start, begun_from
        As in `describe_training`.
    revisions
        Gets the name of what is kept, by the number of the round.
    """

    def keep(images: Sequence[AnnotatedImage]) -> None:
        try:
            revision = describe_training(task, images, start, begun_from, image_id)
        except ValidationError:  # a name of a thousand letters: the training matters more than its replay
            _log.info("What round %d is trained on can't be kept.", task.number, exc_info=True)
            return
        arrays = [(image.labels, image.image) for image in images]
        revisions[task.number] = project.revisions.keep(revision, arrays, task.digest_of_start)

    return replace(task, on_images=keep)


def describe_training(
    task: TrainingTask, images: Sequence[AnnotatedImage], start: str, begun_from: int | None, image_id: str
) -> Revision:
    """Describe a training; what takes time (labels, digests) is left to `KeptRevisions.keep`.

    Parameters
    ----------
    images
        All that it trains on, in order.
    start
        As in `Rounds.starts`.
    begun_from
        The number that the round it starts from has in the project.
    image_id
        The session's image in the project: that of the planes that name none.
    """
    if start in (BUNDLED, SCRATCH):
        beginning = Beginning(kind="bundled" if start == BUNDLED else "scratch")
    elif begun_from is not None:
        beginning = Beginning(kind="round", round=begun_from)
    else:
        beginning = Beginning(kind="file", path=start)
    of_images = groupby(images, key=lambda image: image.image_id or image_id)
    return Revision(
        started=task.started,
        labels_are=task.labels_are.value,
        class_names=task.class_names,
        rgb=task.rgb,
        channel_names=task.channel_names,
        object_size=task.object_size,
        settings=task.settings.model_dump(mode="json"),
        start=beginning,
        machine=machine(),
        images=tuple(_annotation(of, tuple(planes)) for of, planes in of_images),
    )


@cache
def installed() -> dict[str, str]:
    """Return the versions of what has a say in a training, without loading any of it."""
    found = {}
    for name in ("napari-unet", "torch", "numpy", "scipy", "scikit-image", "napari"):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def machine() -> dict[str, str]:
    """Return what kind of processor computes: another kind adds up in another order."""
    import torch

    return {"processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}"}


def _annotation(image_id: str, planes: Sequence[AnnotatedImage]) -> KeptAnnotation:
    first = planes[0]
    return KeptAnnotation(
        image=image_id,
        planes=tuple(_plane(plane) for plane in planes),
        object_classes={str(value): number for value, number in first.object_classes.items()},
        complete=tuple(sorted(int(value) for value in first.marked)),
        corrections=corrections_as_json(tuple(done for plane in planes for done in plane.corrections)),
    )


def _plane(plane: AnnotatedImage) -> KeptPlane:
    (height, width), stack = plane.labels.shape, plane.stack
    return KeptPlane(
        name=plane.name,
        picture=plane.picture,
        plane=plane.plane,
        shape=(height, width),
        regions=regions_as_json(plane.regions),
        pixel_size_um=plane.pixel_size_um,
        stack=None if stack is None else KeptStack(name=stack.name, axis=stack.axis, step=stack.step),
    )
