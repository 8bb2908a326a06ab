"""A training on a worker of a cluster, with reports and Stop as at home."""

from __future__ import annotations

import dataclasses
import math
import queue
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.errors import Stopped
from napari_unet.network.device import choose_device
from napari_unet.network.training import TrainingReport
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.workflow.annotated import AnnotatedImage
from napari_unet.workflow.blocks.here import PlaceLost
from napari_unet.workflow.cluster import Cluster, connected
from napari_unet.workflow.training import TrainedModel, train_model

SECONDS_BETWEEN_LOOKS = 0.3
SECONDS_BETWEEN_QUESTIONS = 0.5
"""How often a worker asks whether it shall stop."""


@contextmanager
def training_at(address: str) -> Iterator[Callable[..., TrainedModel]]:
    """Connect to a scheduler; return what trains there as `train_model` does here, and reports lost workers.

    Raises
    ------
    UserError
        If it does not answer, has no workers, or these are of another version.
    """

    cluster: Cluster

    def train(
        images: Sequence[AnnotatedImage],
        settings: TrainingSettings,
        *,
        on_report: Callable[[TrainingReport], None],
        **options: Any,
    ) -> TrainedModel:
        last = TrainingReport(0, 0.0, math.nan, None, 0.0, None, "")

        def report(news: TrainingReport) -> None:
            nonlocal last
            last = news
            on_report(news)

        def tell(sentence: str) -> None:
            on_report(dataclasses.replace(last, held_out=None, message=sentence))

        return train_on(cluster, images, settings, on_report=report, tell=tell, **options)

    with connected(address) as found:
        assert found is not None
        cluster = found
        yield train


def train_on(
    cluster: Cluster,
    images: Sequence[AnnotatedImage],
    settings: TrainingSettings,
    *,
    on_report: Callable[[TrainingReport], None],
    should_stop: ShouldStop = never_stop,
    tell: Callable[[str], None] = lambda sentence: None,
    **options: Any,
) -> TrainedModel:
    """Train on a worker, on one with a graphics card where there is one; parameters as those of `train_model`.

    When its worker goes, the training begins anew on another; when the scheduler goes, here. Both are told.

    Parameters
    ----------
    tell
        Takes what happens to the cluster, in sentences.
    """
    try:
        return _train_away(cluster, images, settings, on_report, should_stop, tell, options)
    except PlaceLost as lost:
        tell(f"{lost} The training begins anew on this computer.")
        return train_model(images, settings, on_report=on_report, should_stop=should_stop, **options)


def _train_away(
    cluster: Cluster,
    images: Sequence[AnnotatedImage],
    settings: TrainingSettings,
    on_report: Callable[[TrainingReport], None],
    should_stop: ShouldStop,
    tell: Callable[[str], None],
    options: dict[str, Any],
) -> TrainedModel:
    from distributed import Event

    client, name = cluster.client, f"napari-unet-training-{uuid.uuid4().hex}"
    came: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    asked = False
    try:
        kinds = client.run(device_kind)
        cards = [worker for worker, kind in kinds.items() if kind != "cpu"]
        client.subscribe_topic(name, lambda event: came.put(event[1]))
        stop = Event(name, client=client)
        future = cluster.client.get_executor(
            pure=False, workers=cards or None, allow_other_workers=bool(cards)
        ).submit(_train, name, at_hand(images, settings.dimensions), settings, options)
        while not future.done():
            if should_stop() and not asked:
                asked = True
                stop.set()
            _pass_on(came, on_report)
            for sentence in cluster.look():
                tell(sentence)
            if asked and not cluster.workers:  # nobody is left who would hand over what it has
                future.cancel()
                raise Stopped
            time.sleep(SECONDS_BETWEEN_LOOKS)
        _pass_on(came, on_report)
    except (OSError, TimeoutError) as error:
        raise cluster.lost() from error
    trained: TrainedModel = cluster.result(future)
    return trained


def at_hand(images: Sequence[AnnotatedImage], dimensions: int) -> list[AnnotatedImage]:
    """Return images whose stacks can be read on another computer: from memory, or not at all where planes suffice."""
    pixels: dict[str, NDArray[Any]] = {}
    found = []
    for image in images:
        stack = image.stack
        if stack is not None and dimensions == 3:
            if stack.name not in pixels:
                pixels[stack.name] = np.asarray(stack.read(0, stack.n))
            stack = dataclasses.replace(stack, read=partial(_planes_of, pixels[stack.name]))
        elif stack is not None:
            stack = dataclasses.replace(stack, read=partial(_planes_of, image.image[:, None]))
        found.append(dataclasses.replace(image, stack=stack))
    return found


def _planes_of(pixels: NDArray[Any], first: int, end: int) -> NDArray[Any]:
    return pixels[:, first:end]


def _pass_on(came: queue.SimpleQueue[dict[str, Any]], on_report: Callable[[TrainingReport], None]) -> None:
    while not came.empty():
        on_report(TrainingReport(**came.get()["report"]))


def device_kind() -> str:
    """Return what this computer would train on: "cuda", "mps" or "cpu"."""
    return str(choose_device("auto").type)


def _train(
    name: str, images: list[AnnotatedImage], settings: TrainingSettings, options: dict[str, Any]
) -> TrainedModel:
    """Train, on the worker."""
    from distributed import Event, get_worker

    worker, stop = get_worker(), Event(name)
    asked_at, answer = 0.0, False

    def report(news: TrainingReport) -> None:
        worker.log_event(name, {"report": dataclasses.asdict(news)})  # dask adds to what it carries

    def should_stop() -> bool:
        nonlocal asked_at, answer
        if not answer and time.monotonic() - asked_at > SECONDS_BETWEEN_QUESTIONS:
            asked_at, answer = time.monotonic(), bool(stop.is_set())
        return answer

    return train_model(images, settings, on_report=report, should_stop=should_stop, **options)
