"""Step 6: take labels, measurements and the network away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, hint, row
from napari_unet.session.takeaway import TakeAway

TOOLTIP = (
    "Save what was found: the objects as an image, one line of measurements per object, the network itself."
)


class TakeAwayStep(QWidget):
    """Three buttons that save, in a thread: painting goes on meanwhile."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._job: Job | None = None
        self.labels = button(
            "Labels …", "All objects as a TIFF of numbers, your annotation on top.", self._save_labels
        )
        self.table = button("Table …", "Size, shape and brightness of every object as CSV.", self._save_table)
        self.model = button(
            "Model …", "The network as one file, to segment other images with.", self._save_model
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(hint("The network's objects with your annotation on top, in the image's scale."))
        layout.addWidget(row(self.labels, self.table, self.model))

    def state(self) -> str:
        """Return a few words for the title line."""
        return ""

    def refresh(self) -> None:
        """Show the session's state."""
        session, idle = self._loop.session, self._job is None
        for made in (self.labels, self.table):
            made.setEnabled(idle and session.segmentation is not None)
        self.model.setEnabled(idle and session.current is not None)

    def _save_labels(self) -> None:
        self._save("Save the labels", "labels.tif", "TIFF (*.tif *.tiff)", TakeAway.save_labels)

    def _save_table(self) -> None:
        self._save("Save the table", "objects.csv", "CSV (*.csv)", TakeAway.save_table)

    def _save_model(self) -> None:
        self._save("Save the model", "model.safetensors", "Model (*.safetensors)", TakeAway.save_model)

    def _save(self, title: str, ending: str, kind: str, save: Callable[[TakeAway, str], None]) -> None:
        image = self._loop.session.image
        name = f"{Path(image.name).stem}_{ending}" if image is not None else ending
        path, _ = QFileDialog.getSaveFileName(self, title, name, kind)
        if not path or self._job is not None:
            return
        if not Path(path).suffix:
            path += Path(ending).suffix
        with self._loop.telling("Saving"):
            self._loop.layers.settle()
            taken = self._loop.session.prepare_saving()
            self._job = start_job(
                "saving",
                lambda on_report, should_stop: save(taken, path) or path,
                completed=self._tell_saved,
                failed=self._loop.tell_failure,
                finished=self._end,
            )
            self._loop.say("info", f"Saving {path} …")
        self.refresh()

    def _tell_saved(self, path: str) -> None:
        self._loop.say("info", f"Saved {path}.")

    def _end(self) -> None:
        self._job = None
        self.refresh()
