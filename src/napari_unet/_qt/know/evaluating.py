"""*Evaluate*: what is shown against a truth of the user's own, in numbers, colours and a list of objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.know.object_list import ObjectList
from napari_unet._qt.layers.marks import hide_marks, show_marks
from napari_unet._qt.layers.sources import labels_layers
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, combo, form, hint, refill, row
from napari_unet.annotation.coding import Coding, from_annotation, to_annotation
from napari_unet.errors import UserError
from napari_unet.objects.tally import sure_scores
from napari_unet.objects.verdicts import COLOURS, WORDS, Verdict
from napari_unet.session import Which

LAYER = "Errors"
_FILE = "file"
_SHOWN = {
    "precision": "precision",
    "recall": "recall",
    "panoptic_quality": "panoptic quality",
    "seg": "SEG",
    "rand_error": "Rand error",
    "foreground_restricted_rand": "V-Rand",
    "foreground_restricted_information": "V-Info",
    "warping_error": "warping error",
    "pixel_error": "pixel error",
}
_CODINGS = [
    ("0 is background", Coding.MASKS),
    ("0 is unknown, 1 background", Coding.PROJECT),
]


class EvaluatePanel(QWidget):
    """Choose a truth, see how well the segmentation of this plane agrees with it."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._job: Job | None = None
        self._file: Path | None = None
        self._verdicts: Any = None
        self.truth = combo([], "A Labels layer with the true objects, or a file with them.")
        self.truth.activated.connect(self._choose)
        self.coding = combo(list(_CODINGS), "What 0 and 1 mean in the truth.")
        self.evaluate = button(
            "Evaluate", "Compare the Segmentation of the plane that is shown.", self._evaluate
        )
        self.save = button(
            "Save table …", "One line per object as CSV, and the picture of the errors beside it.", self._save
        )
        self.note = hint("Measured is what is shown: objects that you annotated or corrected count as found.")
        self.numbers = hint()
        self.objects = ObjectList(["", "IoU", "Object"], "Click on a line to go there; worst ones first.")
        self.objects.went.connect(self._go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (
            form(("Truth", self.truth), ("Values", self.coding)),
            row(self.evaluate, self.save),
            self.note,
            self.numbers,
            self.objects,
        ):
            layout.addWidget(part)
        self.objects.fill([])
        loop.album.leaving.connect(self.forget)

    def forget(self) -> None:
        """Forget what was found: another image comes."""
        self._verdicts = None
        self.numbers.setText("")
        self.objects.fill([])
        hide_marks(self._loop.layers.viewer(), LAYER)

    def refresh(self) -> None:
        """Show which truths there are."""
        loop = self._loop
        segmentation = loop.layers.layer(Which.SEGMENTATION)
        annotation = loop.layers.layer(Which.ANNOTATION)
        truths = [layer for layer in labels_layers(loop.layers.viewer()) if layer != segmentation]
        truths.sort(
            key=lambda layer: layer == annotation
        )  # it is the truth only where there is no better one
        others = [(layer.name, layer.name) for layer in truths]
        files = [(self._file.name, str(self._file))] if self._file is not None else []
        chosen = self.truth.currentData()
        choices = [*others, *files, ("A file …", _FILE)]
        known = [value for _, value in choices]
        # "A file …" is a question, no truth that one could have chosen
        refill(self.truth, choices, chosen if chosen in known and chosen != _FILE else known[0])
        if self.truth.currentData() != chosen:
            self._suggest_coding()
        self.evaluate.setText("Evaluating …" if self._job is not None else "Evaluate")
        self.evaluate.setEnabled(self._job is None and segmentation is not None)
        self.save.setEnabled(self._verdicts is not None)
        self.numbers.setVisible(bool(self.numbers.text()))

    def _choose(self, *_: object) -> None:
        self._suggest_coding()
        if self.truth.currentData() != _FILE:
            return
        path, _ = QFileDialog.getOpenFileName(
            self, "A label image with the truth", "", "Label images (*.tif *.tiff *.png *.zarr)"
        )
        if path:
            self.take_file(Path(path))

    def _suggest_coding(self) -> None:
        """The annotation has a coding of its own; a label image of others mostly has plain objects."""
        annotation = self._loop.layers.layer(Which.ANNOTATION)
        own = annotation is not None and self.truth.currentData() == annotation.name
        self.coding.setCurrentIndex(self.coding.findData(Coding.PROJECT if own else Coding.MASKS))

    def take_file(self, path: Path) -> None:
        """Use a file as the truth."""
        self._file = path
        self.refresh()
        self.truth.setCurrentIndex(self.truth.findData(str(path)))

    def _evaluate(self) -> None:
        with self._loop.telling("Evaluating"):
            chosen = self.truth.currentData()
            if chosen == _FILE:
                self._choose()
                chosen = self.truth.currentData()
                if chosen == _FILE:
                    return
            session, plane = self._loop.session, self._loop.plane()
            self._loop.layers.settle()
            read = self._reader(str(chosen), plane)
            predicted = session.canvas.plane(Which.SEGMENTATION, plane).copy()
            coding, labels_are = self.coding.currentData(), session.labels_are

            def run(on_report: object, should_stop: object) -> Any:
                from napari_unet.workflow.evaluation import evaluate_plane

                truth = read()
                if truth.shape != predicted.shape:
                    shapes = " and ".join(" × ".join(map(str, a.shape)) for a in (truth, predicted))
                    raise UserError(
                        f"The truth and the segmentation are {shapes} px; they must be of one size."
                    )
                annotation = to_annotation(truth, coding, labels_are)
                return evaluate_plane(predicted, from_annotation(annotation), annotation > 0, labels_are)

            self._job = start_job(
                "evaluating",
                run,
                completed=self._take,
                failed=self._loop.tell_failure,
                finished=self._ended,
                asks=False,
            )
            self.refresh()

    def _reader(self, chosen: str, plane: tuple[int, ...]) -> Any:
        """Return what gives the truth of a plane, in a thread."""
        if self._file is not None and chosen == str(self._file):
            path = self._file

            def read() -> Any:
                from napari_unet.formats.images import read_labels

                array = read_labels(path).array
                return array[plane] if array.ndim == len(plane) + 2 else array

            return read
        layer = next((one for one in labels_layers(self._loop.layers.viewer()) if one.name == chosen), None)
        if layer is None:
            raise UserError("That layer is gone; choose another truth.")
        array = layer.data[plane] if layer.ndim == len(plane) + 2 else layer.data
        copied = np.asarray(array).copy()
        return lambda: copied

    def _take(self, evaluation: Any) -> None:
        scores = evaluation.scores
        self._verdicts = evaluation.verdicts
        if evaluation.verdicts is None:
            lines = [f"{name.replace('_', ' ')}  {value:.3f}" for name, value in scores.items()]
        else:
            sure = sure_scores([evaluation.tally])
            lines = [f"{name}  {sure[name]}" for name in ("F1", "AP", "IoU") if name in sure]
            counts = [f"{evaluation.verdicts.count(v)} {WORDS[v]}" for v in Verdict]
            lines.append(", ".join(counts) + ".")
            lines.append("; ".join(f"{word} {scores[name]:.3f}" for name, word in _SHOWN.items()) + ".")
            self._show_objects(evaluation.verdicts)
        self.numbers.setText("\n".join(lines))
        self.refresh()

    def _show_objects(self, verdicts: Any) -> None:
        wrong_first = sorted(verdicts.objects, key=lambda each: (each.verdict is Verdict.HIT, each.iou))
        self.objects.fill(
            [
                (
                    COLOURS[each.verdict],
                    [
                        WORDS[each.verdict],
                        f"{each.iou:.2f}",
                        f"true {each.truth}" if each.truth else f"found {each.found}",
                    ],
                    each.centre,
                )
                for each in wrong_first
            ]
        )
        layers = self._loop.layers
        colours = {int(verdict): colour for verdict, colour in COLOURS.items()}
        show_marks(layers.viewer(), LAYER, verdicts.picture, colours, layers.images[0])

    def _ended(self) -> None:
        self._job = None
        self.refresh()

    def _go(self, y: float, x: float) -> None:
        with self._loop.telling("Going there"):
            self._loop.layers.go_to((*self._loop.plane(), round(y), round(x)))

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the table of objects", "objects.csv", "Tables (*.csv)"
        )
        if path:
            self.save_to(Path(path))

    def save_to(self, path: Path) -> None:
        """Write table and picture, in a thread."""
        verdicts, target = self._verdicts, path.with_suffix(".csv")

        def run(on_report: object, should_stop: object) -> Path:
            from napari_unet.formats.colour_pictures import write_coloured
            from napari_unet.formats.tables import write_table

            write_table(target, verdicts.table())
            colours = {int(verdict): colour for verdict, colour in COLOURS.items()}
            write_coloured(target.with_name(f"{target.stem}_errors.png"), verdicts.picture, colours)
            return target

        self._job = start_job(
            "saving the table",
            run,
            completed=self._tell_saved,
            failed=self._loop.tell_failure,
            finished=self._ended,
        )

    def _tell_saved(self, path: Path) -> None:
        self._loop.say("info", f"Saved {path} and the picture of the errors beside it.")
