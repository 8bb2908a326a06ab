"""The menu Project helps: a paragraph for the paper, a report of a problem."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path
from typing import Any

import pytest
from driving import add_discs, words
from napari.utils.notifications import ErrorNotification, notification_manager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_unet._qt.report import ReportWindow
from napari_unet._qt.text_window import TextWindow
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.support import doctor

_PATIENCE = 60_000
TINY = TrainingSettings(
    steps=2, minutes=None, width=4, depth=2, patch_size=32, batch_size=2, threads=1, device="cpu"
)


def choose(dock: Any, text: str) -> None:
    (action,) = [action for action in dock.image.project.menu.actions() if action.text() == text]
    assert action.isEnabled()
    action.trigger()


def window_of(dock: Any, kind: type) -> Any:
    (found,) = dock.findChildren(kind)
    return found


def test_the_paragraph_is_shown_and_copied(dock, qtbot, discs):
    add_discs(dock, discs)
    choose(dock, "Methods paragraph …")
    assert "There is no trained network yet" in words(dock)
    dock.loop.segment_after_training = False
    with qtbot.waitSignal(dock.loop.round_done, timeout=_PATIENCE):
        dock.loop.train("scratch", TINY)
    choose(dock, "Methods paragraph …")
    shown = window_of(dock, TextWindow)
    shown.copy.click()
    text = QApplication.clipboard().text()
    assert text == shown.text.toPlainText()
    assert "for 2 steps" in text
    assert "random weights drawn as in" in text
    shown.close()


def test_a_report_is_looked_through_before_it_is_written(dock, qtbot, discs, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "measure_speed", lambda: 12.0)
    monkeypatch.setattr(doctor, "try_opengl", lambda: "4.5 on a card")
    layer = add_discs(dock, discs)
    qtbot.wait(50)
    layer.paint((30, 30), 7)
    qtbot.waitUntil(lambda: dock.loop.keeping.project is not None, timeout=_PATIENCE)
    choose(dock, "Report a problem …")
    window = window_of(dock, ReportWindow)
    assert not window.save.isEnabled()
    qtbot.waitUntil(window.save.isEnabled, timeout=_PATIENCE)
    names = [window.list.item(k).text().partition(" (")[0] for k in range(window.list.count())]
    assert names == ["about.txt", "log.txt", "doctor.txt", "settings.json", "project.json"]
    assert "Say in your own words" in window.text.toPlainText()
    window.text.appendPlainText("It went wrong.")
    window.list.setCurrentRow(2)
    assert "12 GFLOP/s" in window.text.toPlainText()
    window.list.item(1).setCheckState(Qt.CheckState.Unchecked)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "mine"), ""))
    window.save.click()
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        assert archive.namelist() == ["about.txt", "doctor.txt", "settings.json", "project.json"]
        assert b"It went wrong." in archive.read("about.txt")
    assert "The report is in" in words(dock)


def test_a_report_that_cannot_be_written_is_said_and_stays(dock, qtbot, monkeypatch):
    monkeypatch.setattr("napari_unet.support.report.examine", lambda on_progress: [])
    choose(dock, "Report a problem …")
    window = window_of(dock, ReportWindow)
    qtbot.waitUntil(window.save.isEnabled, timeout=_PATIENCE)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(Path("/nowhere/a.zip")), ""))
    window.save.click()
    assert "does not exist; make it first" in words(dock)
    assert window.isVisible()
    window.close()


def test_what_is_said_and_what_napari_shows_is_logged(dock, caplog):
    caplog.set_level(logging.INFO, "napari_unet")
    with dock.loop.telling("Trying"):
        raise KeyError("a bug")
    dock.loop.say("info", "Saved here.")
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    notification_manager.notification_ready(ErrorNotification(caught.value))
    assert "Said (info): Saved here." in caplog.messages
    tracebacks = [record.exc_text or str(record.exc_info) for record in caplog.records if record.exc_info]
    assert any("a bug" in text for text in tracebacks)
    assert any("ZeroDivisionError" in text for text in tracebacks)
    assert "“Report a problem …”" in next(m for m in caplog.messages if "Trying failed:" in m)
