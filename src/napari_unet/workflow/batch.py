"""Many files, one after the other: what is done is kept, what fails is told at the end, and nothing stops the rest."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import Stopped, UserError, is_out_of_memory, without_memory
from napari_unet.formats.exports import Format, Objects, export
from napari_unet.formats.images import (
    ImageFile,
    match_channels,
    plane_axes,
    planes,
    read_image,
    write_labels,
    write_probabilities,
)
from napari_unet.formats.tables import write_table
from napari_unet.workflow.batch_record import RECORD, Done, Record, Wanted, beside_of
from napari_unet.workflow.stack_files import StackSettings
from napari_unet.workflow.volume_files import segment_stacks

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model
    from napari_unet.workflow.segmentation import Segmented

_log = logging.getLogger("napari_unet")

RESULTS = "results.csv"


@dataclass(frozen=True, eq=False)
class Segmenter:
    """How a file is segmented.

    Attributes
    ----------
    network_for
        Returns the model for a plane (C, Y, X).
    run
        Segments a plane as `segment_image` does.
    run_volume
        Segments a stack as `segment_volume` does, with a network of volumes.
    made_with
        Says in one word which network and settings these are; see `word_for`.
    channels
        Which channels of a file the network sees; all by default.
    stack
        What the axes of files are, and how planes are linked.
    """

    network_for: Callable[[NDArray[Any]], Model]
    run: Callable[..., Segmented]
    made_with: str
    wanted: Wanted = field(default_factory=Wanted)
    channels: tuple[int, ...] | None = None
    stack: StackSettings = field(default_factory=StackSettings)
    run_volume: Callable[..., Segmented] | None = None

    def segment_file(
        self, path: Path, target: Path, on_progress: OnProgress, should_stop: ShouldStop
    ) -> Done:
        """Segment all planes of a file and write what is wanted.

        Raises
        ------
        UserError
            When it can't be read, doesn't fit the network, or nothing can be written.
        Stopped
            When asked to stop.
        """
        begun, file = time.monotonic(), self.stack.named(read_image(path))
        model, found = self._segment_all(file, path.name, on_progress, should_stop)
        sentences = list(dict.fromkeys(sentence for part in found for sentence in part.sentences))
        labels, maps = [part.labels for part in found], [part.probabilities for part in found]
        in_space = found[0].in_space
        if not in_space:
            labels = self.stack.linked(labels, file, should_stop)
        self._write(file, labels, maps, target, replace(self.stack, link="Z") if in_space else self.stack)
        description, n = model.description, _count(labels, in_space or bool(self.stack.link))
        if description.labels_are == "classes":
            n_classes = len(description.class_names) or description.network.classes - 1
            return Done(
                path, target, "done", f"{n_classes} class(es)", 0, time.monotonic() - begun, tuple(sentences)
            )
        return Done(path, target, "done", f"{n} objects", n, time.monotonic() - begun, tuple(sentences))

    def _segment_all(
        self, file: ImageFile, name: str, on_progress: OnProgress, should_stop: ShouldStop
    ) -> tuple[Model, list[Segmented]]:
        """Return the network and what it says of every plane."""
        each = list(planes(file.array, file.axes))
        model = self.network_for(self._chosen(each[0][1], name))
        n_channels = model.description.network.in_channels
        if model.description.network.dimensions == 3:
            if self.run_volume is None:
                raise UserError("This network sees volumes: segment stacks one by one.")
            given = [
                (index, match_channels(self._chosen(plane, name), n_channels, name)) for index, plane in each
            ]
            run = partial(self.run_volume, model)
            are_objects = model.description.labels_are == "objects"
            return model, segment_stacks(run, given, file, name, on_progress, should_stop, are_objects)
        found: list[Segmented] = []
        for k, (_, plane) in enumerate(each):

            def report(fraction: float, words: str, k: int = k) -> None:
                on_progress((k + fraction) / len(each), words)

            plane = self._chosen(plane, name)
            model = self.network_for(plane)
            segmented = self.run(
                model,
                match_channels(plane, model.description.network.in_channels, name),
                pixel_size_um=file.pixel_size_um,
                on_progress=report,
                should_stop=should_stop,
            )
            if not self.wanted.probabilities:
                segmented = replace(segmented, probabilities=segmented.probabilities[:0], distance=None)
            found.append(segmented)
        return model, found

    def _chosen(self, plane: NDArray[Any], name: str) -> NDArray[Any]:
        if self.channels is None or self.channels == tuple(range(plane.shape[0])):
            return plane
        if max(self.channels) >= plane.shape[0]:
            wanted = ", ".join(str(channel + 1) for channel in self.channels)
            raise UserError(f"{name} has {plane.shape[0]} channel(s); channel {wanted} is to be segmented.")
        return plane[list(self.channels)]

    def _write(
        self,
        file: ImageFile,
        labels: list[NDArray[Any]],
        maps: list[NDArray[Any]],
        target: Path,
        stack: StackSettings,
    ) -> None:
        stacked = plane_axes(file.axes)
        shape = tuple(n for n, axis in zip(file.array.shape, file.axes, strict=True) if axis in stacked)
        whole = np.stack(labels).reshape(*shape, *labels[0].shape)
        beside = beside_of(target, self.wanted)
        if self.wanted.probabilities:
            together = np.stack(maps).reshape(*shape, *maps[0].shape)
            write_probabilities(beside["probabilities"], together, file.pixel_size_um, stacked + "CYX")
        objects = Objects(whole, file.name, stacked + "YX", file.pixel_size_um)
        if self.wanted.rois:
            export(objects, beside["rois"], Format.ROIS)
        if self.wanted.table:
            write_table(beside["table"], stack.table(file, whole) or {"label": np.zeros(0, int)})
        write_labels(target, whole, file.pixel_size_um, stacked + "YX")  # last: it says that all is there


def word_for(model: Model, settings: dict[str, Any]) -> str:
    """Return a word that two runs share when they make the same of the same file."""
    from napari_unet.network.model_file import digest_of

    described = model.description.model_dump_json() + json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256((digest_of(model) + described).encode()).hexdigest()[:24]


def run_batch(
    files: Sequence[tuple[Path, Path]],
    segmenter: Segmenter,
    *,
    again: bool = False,
    on_done: Callable[[Done], None] = lambda done: None,
    on_progress: OnProgress = no_progress,
    should_stop: ShouldStop = never_stop,
) -> list[Done]:
    """Segment files one after the other; what an earlier run made in the same way is kept.

    Parameters
    ----------
    files
        Each with its label image, all in one folder.
    again
        Segment also what was made already.
    on_done
        Called after every file, on the thread that runs.

    Returns
    -------
    list of Done
        In the order of `files`; those after a stop are missing. The same is in ``results.csv`` beside the results.

    Raises
    ------
    UserError
        When the folder of the results can't be written to.
    """
    folder = files[0][1].parent
    record, all_done = Record.read(folder / RECORD), list[Done]()
    for i, (path, target) in enumerate(files):

        def report(fraction: float, words: str, i: int = i, name: str = path.name) -> None:
            on_progress((i + fraction) / len(files), f"{i + 1} of {len(files)}: {name}")

        if should_stop():
            break
        report(0.0, "")
        kept = None if again else record.kept(path, target, segmenter.made_with, segmenter.wanted)
        try:
            done = kept or _segment_or_say_why(path, target, segmenter, report, should_stop)
        except Stopped:
            break
        all_done.append(done)
        if done.state == "done":
            record.note(done, segmenter.made_with, segmenter.wanted)
            record.write(folder / RECORD)
        _write_results(folder / RESULTS, all_done)
        on_done(done)
    on_progress(1.0, f"{len(all_done)} of {len(files)}")
    return all_done


def in_words(done: Sequence[Done], n: int) -> str:
    """Return in one sentence what became of so many files."""
    failed = [each for each in done if each.state == "failed"]
    kept = sum(each.state == "kept" for each in done)
    parts = [f"{len(done) - len(failed) - kept} of {n} files are segmented"]
    if kept:
        parts.append(f"{kept} were so already")
    if failed:
        parts.append(f"{len(failed)} failed")
    if len(done) < n:
        parts.append(f"{n - len(done)} are left for the next time")
    return ", ".join(parts) + "."


def _segment_or_say_why(
    path: Path, target: Path, segmenter: Segmenter, on_progress: OnProgress, should_stop: ShouldStop
) -> Done:
    try:
        return segmenter.segment_file(path, target, on_progress, should_stop)
    except Stopped:
        raise
    except UserError as error:
        reason = str(error)
    except (
        Exception
    ) as error:  # the border of one file: whatever it is, the other files go on, and it is told
        _log.exception("%s could not be segmented", path)
        reason = (
            without_memory("It failed") if is_out_of_memory(error) else f"{type(error).__name__}: {error}"
        )
    return Done(path, target, "failed", sentences=(" ".join(reason.split()),))


def _write_results(path: Path, all_done: Sequence[Done]) -> None:
    write_table(
        path,
        {
            "file": [str(done.path) for done in all_done],
            "state": [done.state for done in all_done],
            "objects": [done.n_objects for done in all_done],
            "seconds": [done.seconds for done in all_done],
            "labels": [done.target.name if done.state != "failed" else "" for done in all_done],
            "remark": [" ".join(done.sentences) for done in all_done],
        },
    )


def _count(labels: Sequence[NDArray[np.int32]], linked: bool) -> int:
    """Return how many objects there are: one that is linked counts once, others on every plane."""
    numbers = [np.unique(plane[plane > 0]) for plane in labels]
    return int(np.unique(np.concatenate(numbers)).size) if linked else sum(found.size for found in numbers)
