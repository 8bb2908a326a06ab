"""The training that runs, from its start to the new round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.words import Words
from napari_unet.session import Session
from napari_unet.session.companions import Companions


class TrainingRun(QObject):
    """One training at a time; what it reported stays readable after its end.

    Signals
    -------
    reported(list)
        Reports since the last ones.
    round_done()
        The session has a new round.
    changed()
        It began, ended, or was asked to stop.
    """

    reported = Signal(list)
    round_done = Signal()
    changed = Signal()

    def __init__(self, session: Session, words: Words) -> None:
        super().__init__()
        self._session, self._words = session, words
        self.job: Job | None = None
        self.reports: list[Any] = []
        self.stopping = False
        self._task: Any = None

    def start(
        self,
        start: str,
        settings: Any,
        note: Callable[[str, Any], Any],
        companions: Companions | None = None,
    ) -> None:
        """Train on what is painted now.

        Parameters
        ----------
        note
            Given start and task before it runs; returns the task to run.
        companions
            The project's other images, whose annotations train, too.

        Raises
        ------
        UserError
            When nothing can be learned from it.
        """
        away = self._session.state.training_choices.run_on
        here = settings if away else _leave_a_core(settings)
        task = self._session.prepare_training(start, here, companions)
        self._task = note(start, task) if settings is not None else task
        self.reports, self.stopping = [], False
        self.job = start_job(
            "training",
            self._task.run,
            progressed=self._take_reports,
            completed=self._finish,
            stopped=self._tell_stopped,
            failed=self._words.tell_failure,
            finished=self._end,
        )
        self._words.say(
            "info",
            f"Training runs{f' at {away}' if away else ''}; paint on meanwhile, what you paint now counts from the "
            "next round on.",
        )

    def stop(self) -> None:
        """Ask for the end; the training hands over its best network."""
        if self.job is not None:
            self.stopping = True
            self.job.quit()
            self.changed.emit()

    def abandon(self) -> None:
        """Ask for the end and forget it: the window goes."""
        if self.job is not None:
            self.job.quit()
        self.job = None

    def _take_reports(self, reports: list[Any]) -> None:
        self.reports.extend(reports)
        self.reported.emit(reports)

    def _finish(self, trained: Any) -> None:
        with self._words.telling("Taking the new network"):
            self._session.finish_training(self._task, trained)
            self.round_done.emit()

    def _tell_stopped(self) -> None:
        self._words.warn("The training was stopped before its first step; there is nothing to keep.")

    def _end(self) -> None:
        self.job, self.stopping = None, False
        self.changed.emit()


def _leave_a_core(settings: Any) -> Any:
    """Train with one thread less than PyTorch would take, so that the window is drawn meanwhile."""
    if settings is None or settings.threads is not None:
        return settings
    import torch

    return settings.model_copy(update={"threads": max(torch.get_num_threads() - 1, 1)})
