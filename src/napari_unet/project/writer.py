"""The one thread that writes a project: urgent things within moments, large ones in between, all again until done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from napari_unet.errors import UserError
from napari_unet.project.chunks import Breathe
from napari_unet.project.refusals import why_not_written

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
"""Seconds until what failed is tried again: each time twice as many."""

T_contra = TypeVar("T_contra", contravariant=True)
Job = Callable[[Breathe], Any]
"""Something longer; it calls what it is given often, so that urgent things do not wait for it."""


class Sink(Protocol[T_contra]):
    """Takes urgent things to disk; when `write` returns they are there, when it raises all are given again."""

    def write(self, items: Sequence[T_contra], /) -> None: ...


@dataclass(frozen=True)
class Saved:
    """What the window shows.

    Attributes
    ----------
    seconds
        Since something was last saved, when nothing is pending; else since everything was last on disk.
    pending
        How many things are not on disk yet.
    error
        Why not, in one sentence; empty when all is well.
    """

    seconds: float
    pending: int
    error: str


@dataclass(eq=False)
class _Job:
    run: Job
    due: float
    key: object
    counts: bool
    retry: bool
    future: Future[Any] = field(default_factory=Future)
    pause: float = FIRST_PAUSE
    error: str = ""


class Writer:
    """A thread with a queue of urgent things per sink and a list of jobs.

    Parameters
    ----------
    place : Path
        What an error sentence names.
    on_change : callable
        Called with `Saved` from the thread whenever it is another.
    check : callable
        Raises `OSError` where nothing can be written now; called before everything that is.
    """

    def __init__(self, place: Path, on_change: Callable[[Saved], None], check: Callable[[], None]) -> None:
        self._place, self._on_change, self._check = place, on_change, check
        self._condition = threading.Condition()
        self._urgent: dict[Sink[Any], list[Any]] = {}
        self._jobs: list[_Job] = []
        self._error = ""
        self._pause = FIRST_PAUSE
        self._retry_at = 0.0
        self._running: _Job | None = None
        self._unsaved_since = self._all_saved_at = time.monotonic()
        self._hurried = 0  # how many wait for all that could wait
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="project writer", daemon=True)
        self._thread.start()

    # ---- any thread ----------------------------------------------------------------------------------------

    def put(self, sink: Sink[Any], items: Sequence[Any]) -> None:
        """Have urgent things written, after those of the same sink that came before."""
        with self._condition:
            self._note_unsaved()
            self._urgent.setdefault(sink, []).extend(items)
            self._condition.notify_all()

    def submit(
        self, run: Job, *, key: object = None, delay: float = 0.0, counts: bool = True, retry: bool = True
    ) -> Future[Any]:
        """Have a job done.

        Parameters
        ----------
        key
            A job of this key that has not begun makes way for the new one.
        delay
            Seconds to wait.
        counts
            Whether something is unsaved until it is done.
        retry
            Try again after an `OSError` or `MemoryError`, else it is given to the future.
        """
        job = _Job(run, time.monotonic() + delay, key, counts, retry)
        with self._condition:
            if self._ended:
                job.future.cancel()
                return job.future
            if counts:
                self._note_unsaved()
            for old in [old for old in self._jobs if key is not None and old.key == key]:
                if old is not self._running:
                    self._drop(old)
            self._jobs.append(job)
            self._condition.notify_all()
        return job.future

    @property
    def saved(self) -> Saved:
        """How things are."""
        with self._condition:
            return self._saved()

    def flush(self, timeout: float, settle: bool = False) -> bool:
        """Try to have everything on disk; return whether it is. With `settle` also do what could wait."""
        with self._condition:
            self._retry_at = 0.0
            for job in self._jobs:
                if job.error:
                    job.due = 0.0
            self._hurried += settle
            self._condition.notify_all()
            try:
                if settle:
                    return self._condition.wait_for(lambda: not self._urgent and not self._jobs, timeout)
                return self._condition.wait_for(lambda: self._pending() == 0, timeout)
            finally:
                self._hurried -= settle

    def end(self) -> None:
        """End the thread after what it does now; whatever waits is dropped, and its futures are cancelled."""
        with self._condition:
            self._ended = True
            self._condition.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()
            with self._condition:
                for job in self._jobs:
                    if not job.future.done() and not job.future.cancel():  # it was to be tried again
                        job.future.set_exception(CancelledError())

    # ---- the thread ----------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._condition:
                while not self._ended and (wait := self._seconds_to_wait()) > 0:
                    self._condition.wait(min(wait, threading.TIMEOUT_MAX))
                if self._ended:
                    return
            before = self.saved
            self._urgent_again()
            after = self.saved
            if (before.pending, before.error) != (after.pending, after.error):
                self._on_change(after)

    def _urgent_again(self) -> None:
        try:
            self._write_urgent()
        # Whatever it is: a thread has no caller who could be told, and the next stroke must still be saved.
        except Exception as error:
            with self._condition:
                self._error = why_not_written(self._place, error)
                self._retry_at = time.monotonic() + self._pause
                self._pause = min(2 * self._pause, LONGEST_PAUSE)
            self._give_up_jobs_that_do_not_retry(error)
            return
        job = self._next_job()
        if job is not None:
            self._do(job)

    def _write_urgent(self) -> None:
        """Write what is urgent now."""
        while not self._ended:
            with self._condition:
                if not self._urgent:
                    return
                sink = next(iter(self._urgent))
                items = list(self._urgent[sink])
            self._check()
            sink.write(items)
            with self._condition:
                del self._urgent[sink][: len(items)]
                if not self._urgent[sink]:
                    del self._urgent[sink]
                self._error, self._pause, self._retry_at = "", FIRST_PAUSE, 0.0
                self._note_saved()

    def _breathe(self) -> None:
        self._check()
        self._write_urgent()

    def _give_up_jobs_that_do_not_retry(self, error: Exception) -> None:
        """Tell those who wait: jobs are done in order after what is urgent, which may take until there is room."""
        with self._condition:
            hopeless = [job for job in self._jobs if not job.retry]
            for job in hopeless:
                self._jobs.remove(job)
            self._note_saved()
        for job in hopeless:
            job.future.set_exception(error)

    def _do(self, job: _Job) -> None:
        try:
            self._check()
            result = job.run(self._breathe)
        except Exception as error:  # as above; the future carries it to whoever waits
            cause = error.__cause__ if isinstance(error, UserError) else error
            with self._condition:
                self._running = None
                if job.retry and isinstance(cause, OSError | MemoryError):
                    self._put_off(job, cause)
                    return
                self._remove(job)
            job.future.set_exception(error)
        else:
            with self._condition:
                self._remove(job)
            job.future.set_result(result)

    def _put_off(self, job: _Job, error: OSError | MemoryError) -> None:
        if any(other.key == job.key for other in self._jobs if other is not job and job.key is not None):
            self._drop(job)
            return
        job.error = why_not_written(self._place, error)
        job.due = time.monotonic() + job.pause
        job.pause = min(2 * job.pause, LONGEST_PAUSE)

    def _drop(self, job: _Job) -> None:
        self._jobs.remove(job)
        if not job.future.cancel():
            job.future.set_exception(CancelledError())

    def _remove(self, job: _Job) -> None:
        self._jobs.remove(job)
        self._running = None
        self._note_saved()

    def _next_job(self) -> _Job | None:
        with self._condition:
            now = time.monotonic()
            job = next((job for job in self._jobs if self._due(job) <= now), None)
            if job is not None and not job.future.running():
                job.future.set_running_or_notify_cancel()
            self._running = job
            return job

    def _seconds_to_wait(self) -> float:
        now = time.monotonic()
        if self._urgent or now < self._retry_at:
            return self._retry_at - now
        return min((self._due(job) for job in self._jobs), default=now + threading.TIMEOUT_MAX) - now

    def _due(self, job: _Job) -> float:
        return 0.0 if self._hurried and not job.error else job.due

    def _pending(self) -> int:
        return sum(len(items) for items in self._urgent.values()) + sum(job.counts for job in self._jobs)

    def _note_unsaved(self) -> None:
        if self._pending() == 0:
            self._unsaved_since = time.monotonic()

    def _note_saved(self) -> None:
        if self._pending() == 0:
            self._all_saved_at = time.monotonic()
        self._condition.notify_all()

    def _saved(self) -> Saved:
        error = self._error or next((job.error for job in self._jobs if job.error), "")
        pending = self._pending()
        since = self._unsaved_since if pending else self._all_saved_at
        return Saved(time.monotonic() - since, pending, error)
