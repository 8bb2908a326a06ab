"""Many files: choose a folder, press once, and read at the end what became of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFileDialog,
    QHeaderView,
    QLineEdit,
    QProgressBar,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, form, hint, row
from napari_unet._qt.section import ElidedLabel
from napari_unet.formats.images import find_images
from napari_unet.session.batching import BatchTask

_TABLE_HEIGHT = 150
_STATES = {"done": "segmented", "kept": "was there", "failed": "failed"}


class Batch(QWidget):
    """Segments the files of a folder as the open image is segmented.

    Signals
    -------
    ended()
        A run is over.
    """

    ended = Signal()

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._job: Job | None = None
        self._counting: Job | None = None
        self._source: Path | None = None
        self._output: Path | None = None
        self.averaging = "none"
        self.choose_source = button("Folder …", "The folder with the images.", self._choose_source)
        self.source = ElidedLabel("not chosen")
        self.pattern = QLineEdit("*")
        self.pattern.setToolTip(
            "<p>Which files of the folder: * stands for anything, so that *_w2.tif takes those that end so. "
            "**/*.tif looks in the folders inside, too.</p>"
        )
        self.pattern.editingFinished.connect(self._count)
        self.matching = hint()
        self.choose_output = button("Into …", "The folder for the results.", self._choose_output)
        self.output = ElidedLabel("not chosen")
        self.rois = QCheckBox("Outlines (ImageJ)")
        self.rois.setToolTip("<p>Also NAME.zip for ImageJ's ROI Manager.</p>")
        self.table = QCheckBox("Measurements")
        self.table.setToolTip("<p>Also NAME_objects.csv with one line per object.</p>")
        self.again = QCheckBox("Again, also what is done")
        self.again.setToolTip(
            "<p>Without it, files that were segmented before with the same network and settings are kept: a run that "
            "was stopped goes on.</p>"
        )
        self.run = button(
            "Segment all files",
            "Files that can't be segmented don't stop the others.",
            self._run,
            strong=True,
        )
        self.stop = button("Stop", "Files that are done are kept; the next run goes on.", self._stop)
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.summary = hint()
        self.results = _make_table()
        self._running = row(self.progress, self.stop, stretch=0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (
            hint("Segments other files as this image is segmented now: same network, same settings."),
            row(self.choose_source, self.source, stretch=1),
            form(("Files", self.pattern)),
            self.matching,
            row(self.choose_output, self.output, stretch=1),
            row(self.rois, self.table),
            self.again,
            self.run,
            self._running,
            self.summary,
            self.results,
        ):
            layout.addWidget(part)
        self.refresh()

    def refresh(self) -> None:
        """Show the state."""
        running = self._job is not None
        chosen = self._source is not None and self._output is not None
        self.run.setVisible(not running)
        self.run.setEnabled(chosen and self._loop.session.image is not None)
        self._running.setVisible(running)
        for part in (self.choose_source, self.choose_output, self.pattern, self.rois, self.table, self.again):
            part.setEnabled(not running)
        self.matching.setVisible(bool(self.matching.text()))
        self.summary.setVisible(bool(self.summary.text()))
        self.results.setVisible(self.results.rowCount() > 0)

    # What is chosen

    def _choose_source(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, "Folder with the images", str(self._source or Path.home())
        )
        if folder:
            self.set_source(Path(folder))

    def set_source(self, folder: Path) -> None:
        """Segment the images of this folder; results go beside it where no place was chosen."""
        self._source = folder
        self.source.setText(str(folder))
        if self._output is None:
            self._set_output(folder.with_name(f"{folder.name} segmented"))
        self._count()

    def _choose_output(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, "Folder for the results", str(self._output or Path.home())
        )
        if folder:
            self._set_output(Path(folder))

    def _set_output(self, folder: Path) -> None:
        self._output = folder
        self.output.setText(str(folder))
        self.refresh()

    def _sources(self) -> Path:
        assert self._source is not None
        pattern = self.pattern.text().strip()
        return self._source if pattern in ("", "*") else self._source / pattern

    def _count(self) -> None:
        if self._source is None or self._counting is not None:
            return
        sources = self._sources()
        self._counting = start_job(
            "listing files",
            lambda on_report, should_stop: len(find_images(sources)),
            completed=self._tell_count,
            failed=self._tell_no_files,
            finished=self._end_counting,
            asks=False,
        )

    def _tell_count(self, n: int) -> None:
        self.matching.setText(f"{n} image file{'s' if n != 1 else ''}.")

    def _tell_no_files(self, error: Exception) -> None:
        self.matching.setText(str(error))

    def _end_counting(self) -> None:
        self._counting = None
        self.refresh()

    # Running

    def _run(self) -> None:
        with self._loop.telling("The batch"):
            assert self._output is not None
            task = self._prepare(self._output)
            self.results.setRowCount(0)
            self.summary.setText("")
            self._job = start_job(
                "batch",
                lambda on_report, should_stop: task.run(
                    lambda done: on_report("done", done), lambda *now: on_report("now", now), should_stop
                ),
                progressed=self._take,
                completed=self._finish,
                failed=self._loop.tell_failure,
                finished=self._end,
            )
        self.refresh()

    def _prepare(self, output: Path) -> BatchTask:
        from napari_unet.workflow.batch_record import Wanted

        wanted = Wanted(rois=self.rois.isChecked(), table=self.table.isChecked())
        return BatchTask.of(
            self._loop.session, self._sources(), output, wanted, self.averaging, self.again.isChecked()
        )

    def _stop(self) -> None:
        if self._job is not None:
            self._job.quit()
            self.progress.setFormat("Stopping …")

    def _take(self, reports: list[tuple[str, Any]]) -> None:
        for kind, what in reports:
            if kind == "done":
                self._add_row(what)
            else:
                fraction, words = what
                self.progress.setValue(round(1000 * fraction))
                self.progress.setFormat(words or "%p %")
        self.results.setVisible(self.results.rowCount() > 0)

    def _add_row(self, done: Any) -> None:
        at = self.results.rowCount()
        self.results.insertRow(at)
        cells = (done.path.name, _STATES[done.state], done.found, " ".join(done.sentences))
        for column, text in enumerate(cells):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            self.results.setItem(at, column, item)
        self.results.scrollToBottom()

    def _finish(self, result: Any) -> None:
        from napari_unet.workflow.batch import in_words

        done, n = result
        words = f"{in_words(done, n)} They are in {self._output}, with results.csv."
        self.summary.setText(words)
        failed = any(each.state == "failed" for each in done)
        self._loop.say("warning" if failed else "info", words)

    def _end(self) -> None:
        self._job = None
        self.refresh()
        self.ended.emit()


def _make_table() -> QTableWidget:
    table = QTableWidget(0, 4)
    table.setHorizontalHeaderLabels(["file", "", "found", "remark"])
    table.verticalHeader().hide()
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setTextElideMode(Qt.TextElideMode.ElideRight)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    table.horizontalHeader().setStretchLastSection(True)
    table.setFixedHeight(_TABLE_HEIGHT)
    return table
