"""Loading what a training needs while the user paints: it takes seconds."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.words import Words


def _load(on_report: object, should_stop: object) -> None:
    import torch

    import napari_unet.workflow.training  # noqa: F401

    # The first optimiser loads torch's compiler, which takes as long as torch itself.
    torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))])


class Warming(QObject):
    """Loads PyTorch once, in a thread.

    Signals
    -------
    ended()
        It is loaded, or could not be.
    """

    ended = Signal()

    def __init__(self, words: Words) -> None:
        super().__init__()
        self._words = words
        self._job: Job | None = None
        self.done = False

    def start(self) -> None:
        """Start, unless it is done or runs."""
        if not self.done and self._job is None:
            self._job = start_job(
                "loading PyTorch",
                _load,
                completed=self._take,
                failed=self._words.tell_failure,
                finished=self._end,
            )

    def _take(self, result: None) -> None:
        self.done = True

    def _end(self) -> None:
        self._job = None
        self.ended.emit()
