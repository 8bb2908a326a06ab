"""Many files with the network in use, as the session would segment its own image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_unet.callbacks import OnProgress, ShouldStop
from napari_unet.errors import UserError
from napari_unet.formats.images import find_images
from napari_unet.formats.outputs import choose_outputs
from napari_unet.session.session import Session
from napari_unet.session.tasks import SegmentationTask

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model
    from napari_unet.workflow.batch_record import Done, Wanted

WORKING_MEMORY = 1e9
"""Bytes that blocks of a large image may take on top of what the window has taken already."""


@dataclass(frozen=True, eq=False)
class BatchTask:
    """Files that are ready to be segmented.

    Attributes
    ----------
    sources
        Folder and pattern, ``folder/*.tif``.
    output
        Folder of the results, which is made.
    like
        How the open image would be segmented.
    """

    sources: Path
    output: Path
    like: SegmentationTask
    wanted: Wanted
    again: bool = False

    @classmethod
    def of(
        cls,
        session: Session,
        sources: Path,
        output: Path,
        wanted: Wanted,
        averaging: str = "none",
        again: bool = False,
    ) -> BatchTask:
        """Take the network, object size and separation that the session uses now.

        Raises
        ------
        UserError
            When there is no image, or no network that fits it and what is annotated.
        """
        image = session.state.need_image()
        first = image.planes()[:1]
        return cls(sources, output, session.prepare_segmentation(first, averaging), wanted, again)

    def run(
        self, on_done: Callable[[Done], None], on_progress: OnProgress, should_stop: ShouldStop
    ) -> tuple[list[Done], int]:
        """Segment; safe in any thread. Return what became of the files, and how many there are.

        Raises
        ------
        UserError
            When no file is meant, or the folder can't be written to.
        """
        found = find_images(self.sources)
        try:
            self.output.mkdir(parents=True, exist_ok=True)  # then a dot in its name makes it no file
        except OSError as error:
            raise UserError(f"The folder {self.output} could not be made: {error.strerror}.") from error
        targets = choose_outputs([self.sources], found, self.output, probabilities=self.wanted.probabilities)
        on_progress(0.0, "Loading the network …")
        from napari_unet.workflow import segment_image, segment_volume
        from napari_unet.workflow.batch import run_batch, word_for
        from napari_unet.workflow.large_files import SegmenterOfAnySize

        like = self.like
        settings: dict[str, Any] = {"object_size": like.size.given, "averaging": like.averaging}
        segmenter = SegmenterOfAnySize(
            self._network_for,
            partial(segment_image, device=like.device, **settings),
            word_for(like.network, {**settings, "channels": self._channels()}),
            self.wanted,
            self._channels(),
            run_volume=partial(segment_volume, device=like.device, **settings),
            settings={"device": like.device, **settings},
            on_top=WORKING_MEMORY,
        )
        targets = [segmenter.target_of(path, target) for path, target in zip(found, targets, strict=True)]
        files = list(zip(found, targets, strict=True))
        done = run_batch(
            files,
            segmenter,
            again=self.again,
            on_done=on_done,
            on_progress=on_progress,
            should_stop=should_stop,
        )
        return done, len(files)

    def _channels(self) -> tuple[int, ...] | None:
        """Return the channels where the user left some out; else files may be of any kind that the network takes."""
        return None if len(self.like.channels) == self.like.image.n_channels else self.like.channels

    def _network_for(self, plane: NDArray[Any]) -> Model:
        if self.like.model is not None or plane.shape[0] == len(self.like.channels):
            return self.like.network
        from napari_unet.network.bundled import bundled_for
        from napari_unet.network.model_file import Model

        model = bundled_for(plane.shape[0])
        chosen = {"separation": self.like.network.description.separation}
        return Model(model.description.model_copy(update=chosen), model.network)
