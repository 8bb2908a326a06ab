"""Long work in a thread: the only place of the window that starts one."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable
from typing import Any

from napari.qt.threading import WorkerBase, WorkerBaseSignals, create_worker
from qtpy.QtCore import Signal

from napari_unet.callbacks import ShouldStop
from napari_unet.errors import Stopped, UserError
from napari_unet.support.memory import give_back

_log = logging.getLogger("napari_unet")

_SECONDS_BETWEEN_REPORTS = 0.1
"""Signals are queued without back-pressure: more than ten a second would only pile up before the window."""


class Work:
    """A function with the name that napari shows when it asks whether to close; can be called once.

    napari keeps it until it is closed, so the function goes when it has run, and with it the arrays that it works on.
    """

    def __init__(self, name: str, run: Callable[[Callable[..., None], ShouldStop], Any]) -> None:
        self.name = name
        self._run: Callable[[Callable[..., None], ShouldStop], Any] | None = run

    def __call__(self, on_report: Callable[..., None], should_stop: ShouldStop) -> Any:
        run, self._run = self._run, None
        assert run is not None
        return run(on_report, should_stop)

    def __repr__(self) -> str:
        return f"U-Net: {self.name}"


class _Signals(WorkerBaseSignals):
    progressed = Signal(list)
    completed = Signal(object)
    stopped = Signal()
    failed = Signal(object)


class Job(WorkerBase):
    """One run of a function in Qt's thread pool.

    The function gets ``on_report`` and ``should_stop`` and runs to its end also after :meth:`quit`, so that a
    stopped training still hands over its best network. One of ``completed`` (result), ``stopped`` (nothing to
    keep) and ``failed`` (error) is emitted; ``finished`` always comes last.

    ``progressed`` carries a list of all reports since the last one, at most ten times a second: what was
    passed to ``on_report``, a tuple where there were several arguments.
    """

    def __init__(self, work: Work, is_long: bool = True) -> None:
        super().__init__(SignalsClass=_Signals)
        self._work, self._is_long = work, is_long
        self._reports: list[Any] = []
        self._sent_at = 0.0

    @property
    def quit(self) -> Callable[[], None]:
        """Asks for the end; what it gives does not hold the job, as napari keeps that until it is closed itself."""
        me = weakref.ref(self)

        def ask() -> None:
            job = me()
            if job is not None:
                WorkerBase.quit(job)

        return ask

    def should_stop(self) -> bool:
        """Whether somebody asked for the end; safe in every thread."""
        return bool(self.abort_requested)

    def run(self) -> None:
        """Run in Qt's thread pool; where the window is gone before the end, nobody is left to be told."""
        try:
            super().run()
        except RuntimeError as error:
            if "deleted" not in str(error):  # PyQt's and PySide's word for signals that went with the window
                raise

    def work(self) -> None:
        """Run the function; called by Qt in the thread."""
        try:
            result = self._work(self._report, self.should_stop)
        except Stopped:
            self._send()
            self.stopped.emit()
        except Exception as error:  # the thread's boundary: whatever went wrong is told, never swallowed
            if not isinstance(error, UserError):  # those are no accidents: the sentence says all
                _log.exception("%s failed", self._work.name)
            self._send()
            self.failed.emit(error)
        else:
            self._send()
            self.completed.emit(result)
        if self._is_long:
            give_back()

    def _report(self, *report: Any) -> None:
        self._reports.append(report[0] if len(report) == 1 else report)
        if time.monotonic() - self._sent_at >= _SECONDS_BETWEEN_REPORTS:
            self._send()

    def _send(self) -> None:
        self._sent_at = time.monotonic()
        if self._reports:
            reports, self._reports = self._reports, []
            self.progressed.emit(reports)


def start_job(
    name: str,
    run: Callable[[Callable[..., None], ShouldStop], Any],
    *,
    completed: Callable[[Any], None],
    failed: Callable[[Exception], None],
    finished: Callable[[], None],
    progressed: Callable[[list[Any]], None] | None = None,
    stopped: Callable[[], None] | None = None,
    asks: bool = True,
) -> Job:
    """Run a function in a thread and hear of it on the window's thread.

    Parameters
    ----------
    name
        What napari says is still running when its window is closed.
    run
        Called as ``run(on_report, should_stop)`` in the thread; must not touch layers or widgets.
    completed, failed, stopped, progressed, finished
        Bound methods of a ``QObject``, so that Qt forgets them together with it.
    asks
        napari asks before it closes while this runs. It keeps something of each such job, so those that come with
        every stroke are none of them.
    """
    work = Work(name, run)
    job: Job = (
        create_worker(work, _worker_class=Job, _start_thread=False) if asks else Job(work, is_long=False)
    )
    job.completed.connect(completed)
    job.failed.connect(failed)
    if progressed is not None:
        job.progressed.connect(progressed)
    if stopped is not None:
        job.stopped.connect(stopped)
    job.finished.connect(finished)
    job.start()
    return job
