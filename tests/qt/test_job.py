"""Work in a thread: what is delivered, in which order, and how often."""

from __future__ import annotations

import gc
import logging
import threading
import time
import weakref
from typing import Any

import pytest
from qtpy.QtCore import QObject

from napari_unet._qt.job import start_job
from napari_unet.errors import Stopped, UserError


class Listener(QObject):
    """Notes what it hears, and in which thread."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, Any]] = []
        self.threads: set[int] = set()

    def _note(self, what: str, payload: Any = None) -> None:
        self.heard.append((what, payload))
        self.threads.add(threading.get_ident())

    def completed(self, result: Any) -> None:
        self._note("completed", result)

    def failed(self, error: Exception) -> None:
        self._note("failed", error)

    def stopped(self) -> None:
        self._note("stopped")

    def progressed(self, reports: list[Any]) -> None:
        self._note("progressed", reports)

    def finished(self) -> None:
        self._note("finished")

    def start(self, run: Any, **how: Any) -> Any:
        return start_job(
            "a test",
            run,
            completed=self.completed,
            failed=self.failed,
            stopped=self.stopped,
            progressed=self.progressed,
            finished=self.finished,
            **how,
        )

    def is_over(self) -> bool:
        return bool(self.heard) and self.heard[-1][0] == "finished"


def test_result_arrives_on_the_windows_thread_and_finished_comes_last(qtbot: Any) -> None:
    listener = Listener()
    listener.start(lambda on_report, should_stop: threading.get_ident())
    qtbot.waitUntil(listener.is_over, timeout=5000)
    assert [what for what, _ in listener.heard] == ["completed", "finished"]
    assert listener.threads == {threading.get_ident()}
    assert listener.heard[0][1] != threading.get_ident()


def test_a_stopped_run_still_delivers_what_it_has(qtbot: Any) -> None:
    def run(on_report: Any, should_stop: Any) -> str:
        while not should_stop():
            time.sleep(0.005)
        return "best so far"

    listener = Listener()
    job = listener.start(run)
    qtbot.wait(50)
    job.quit()
    qtbot.waitUntil(listener.is_over, timeout=5000)
    assert listener.heard[0] == ("completed", "best so far")


def test_nothing_to_keep_is_told_apart_from_a_failure(qtbot: Any) -> None:
    def run(on_report: Any, should_stop: Any) -> None:
        raise Stopped

    listener = Listener()
    listener.start(run)
    qtbot.waitUntil(listener.is_over, timeout=5000)
    assert [what for what, _ in listener.heard] == ["stopped", "finished"]


@pytest.mark.parametrize("error", [UserError("Paint first."), MemoryError("no room"), KeyError("x")])
def test_every_error_is_handed_over_and_accidents_are_logged(
    qtbot: Any, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def run(on_report: Any, should_stop: Any) -> None:
        raise error

    listener = Listener()
    with caplog.at_level(logging.ERROR, logger="napari_unet"):
        listener.start(run)
        qtbot.waitUntil(listener.is_over, timeout=5000)
    assert listener.heard[0] == ("failed", error)
    assert [record.exc_info is not None for record in caplog.records] == [True] * (
        type(error) is not UserError
    )


def test_thousand_reports_come_in_few_signals_and_none_is_lost(qtbot: Any) -> None:
    def run(on_report: Any, should_stop: Any) -> None:
        for i in range(1000):
            on_report(i, "step")
            time.sleep(0.0004)

    listener = Listener()
    started = time.monotonic()
    listener.start(run)
    qtbot.waitUntil(listener.is_over, timeout=10_000)
    signals = [payload for what, payload in listener.heard if what == "progressed"]
    assert len(signals) <= 12 * (time.monotonic() - started) + 3
    assert [report for reports in signals for report in reports] == [(i, "step") for i in range(1000)]


@pytest.mark.parametrize("asks", [True, False])
def test_what_a_job_worked_on_goes_with_its_end(qtbot: Any, asks: bool) -> None:
    """napari keeps its workers: a copy of the labels stayed in memory with every stroke."""

    class Array:
        pass

    def begin() -> tuple[Any, Any]:
        array = Array()
        return listener.start(lambda on_report, should_stop: array and None, asks=asks), weakref.ref(array)

    listener = Listener()
    job, array = begin()
    qtbot.waitUntil(listener.is_over, timeout=5000)
    gc.collect()
    assert array() is None
    assert repr(job._work) == "U-Net: a test"


def test_nothing_of_a_job_stays_with_napari_but_its_words(qtbot: Any, dock: Any) -> None:
    listener = Listener()
    job = weakref.ref(listener.start(lambda on_report, should_stop: None))
    qtbot.waitUntil(listener.is_over, timeout=5000)
    listener.heard.clear()
    qtbot.wait(50)
    gc.collect()
    assert job() is None
