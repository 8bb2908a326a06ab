"""The last step: take objects, measurements and the network away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QCheckBox, QFileDialog, QVBoxLayout, QWidget

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.loop import Loop
from napari_unet._qt.measurements.panel import Measurements
from napari_unet._qt.rows import Fold, button, combo, hint, row
from napari_unet._qt.sharing import ShareForm
from napari_unet.formats.exports import ENDINGS, WORDS, Format
from napari_unet.session.takeaway import TakeAway

TOOLTIP = "Save what was found: the objects for other programs, a line of measurements for each, the network itself."

_WHAT = "What the network found, with your annotation on top, in the image's scale."
_NOTHING = "Segment first; then what was found can be saved here, and measured."


class TakeAwayStep(QWidget):
    """Saves in a thread: painting goes on meanwhile."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._job: Job | None = None
        self.format = combo(
            [(words, what) for what, words in WORDS.items()],
            "What the objects are saved as. Outlines run exactly along the edges of pixels: nothing is rounded.",
        )
        self.labels = button("Save objects …", "All objects, your annotation on top.", self._save_labels)
        self.whole_only = QCheckBox("Leave out objects that the image's edge cuts")
        self.whole_only.setToolTip("<p>Their sizes are not known. Without this the table marks them.</p>")
        self.whole_only.toggled.connect(self._set_whole_only)
        self.table = button(
            "Table …", "Size, shape and brightness of every object, as CSV or Parquet.", self._save_table
        )
        self.model = button(
            "Model …", "The network as one file, to segment other images with.", self._save_model
        )
        self.measurements = Fold(
            "Measurements",
            "Look at the numbers here: a table whose rows lead to objects, and how sizes and intensities are spread.",
            self._make_measurements,
        )
        self.sharing = Fold(
            "Share the network",
            "As a package for the BioImage Model Zoo, which other programs run.",
            lambda: ShareForm(loop),
        )
        self._colours: tuple[str, str] | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.what = hint()
        layout.addWidget(self.what)
        layout.addWidget(self.format)
        layout.addWidget(self.whole_only)
        layout.addWidget(row(self.labels, self.table, self.model))
        layout.addWidget(self.measurements)
        layout.addWidget(self.sharing)

    def state(self) -> str:
        """Return a few words for the title line."""
        return ""

    def refresh(self) -> None:
        """Show the session's state."""
        session, idle = self._loop.session, self._job is None
        has = session.segmentation is not None
        self.what.setText(_WHAT if has else _NOTHING)
        for part in (self.format, self.whole_only, self.labels, self.table, self.measurements):
            part.setVisible(has)
        for made in (self.labels, self.table):
            made.setEnabled(idle and has)
        self.model.setVisible(session.current is not None)
        self.model.setEnabled(idle and session.current is not None)
        if self.measurements.body is not None:
            self.measurements.body.refresh()
        if self.sharing.body is not None:
            self.sharing.body.refresh()

    def set_colours(self, colour: str, background: str) -> None:
        """Follow the theme."""
        self._colours = (colour, background)
        if self.measurements.body is not None:
            self.measurements.body.set_colours(colour, background)

    def _make_measurements(self) -> Measurements:
        made = Measurements(self._loop)
        made.set_whole_only(self.whole_only.isChecked())
        if self._colours is not None:
            made.set_colours(*self._colours)
        return made

    def _set_whole_only(self, on: bool) -> None:
        if self.measurements.body is not None:
            self.measurements.body.set_whole_only(on)

    def _save_labels(self) -> None:
        what, whole_only = Format(self.format.currentData()), self.whole_only.isChecked()

        def save(taken: TakeAway, path: str) -> None:
            taken.save_objects(path, what, whole_only)

        kind = f"{WORDS[what]} (*{ENDINGS[what]})"
        self._save("Save the objects", f"objects{ENDINGS[what]}", kind, save, ENDINGS[what])

    def _save_table(self) -> None:
        whole_only = self.whole_only.isChecked()

        def save(taken: TakeAway, path: str) -> None:
            taken.save_table(path, whole_only)

        self._save("Save the table", "objects.csv", "CSV (*.csv);;Parquet (*.parquet)", save, ".csv")

    def _save_model(self) -> None:
        kind = "Model (*.safetensors);;ONNX, for other programs (*.onnx)"
        self._save("Save the model", "model.safetensors", kind, TakeAway.save_model, ".safetensors")

    def _save(
        self, title: str, name: str, kinds: str, save: Callable[[TakeAway, str], None], ending: str
    ) -> None:
        image = self._loop.session.image
        name = f"{Path(image.name).stem}_{name}" if image is not None else name
        path, kind = QFileDialog.getSaveFileName(self, title, name, kinds)
        if not path or self._job is not None:
            return
        if not Path(path).suffix:
            path += next((other for other in (".parquet", ".onnx") if other in kind), ending)
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
