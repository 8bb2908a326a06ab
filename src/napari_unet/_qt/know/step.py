"""Step 6: how good it is, what changed from round to round, and whether more labels would help."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet._qt.know.blind import BlindPanel
from napari_unet._qt.know.evaluating import EvaluatePanel
from napari_unet._qt.know.learning import LearningPanel
from napari_unet._qt.know.rounds_list import RoundsList, in_words
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import Fold, hint
from napari_unet.annotation.coding import LabelsAre

TOOLTIP = "How good is it, honestly? What changed from round to round, and would more labels help?"
NOTHING_HELD_OUT = "Nothing could be held out for this round, so there are no honest scores. Annotate {}."
_ENOUGH = {
    LabelsAre.OBJECTS: "a dozen objects or more",
    LabelsAre.CLASSES: "every class in more places",
}


class KnowStep(QWidget):
    """Scores of the round in use, the list of rounds, and a comparison with a truth."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self.scores = hint()
        self.rounds = RoundsList(loop)
        self.evaluate = EvaluatePanel(loop)
        self.learning = LearningPanel(loop)
        self.blind = BlindPanel(loop)
        self.blind.agreed.connect(self.learning.redraw)
        self._of_objects = (
            Fold(
                "Would more labels help?",
                "How much better the network becomes with more objects, measured on those there are.",
                self.learning,
            ),
            Fold(
                "How good are people?",
                "Draw some of your objects again without seeing them: nobody can agree with you better than that.",
                self.blind,
            ),
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (
            self.scores,
            self.rounds,
            Fold(
                "Evaluate",
                "Compare what is shown with a truth: a Labels layer or a file.",
                self.evaluate,
            ),
            *self._of_objects,
        ):
            layout.addWidget(part)

    def set_colours(self, text: str, background: str) -> None:
        """Follow the theme."""
        self.learning.set_colours(text, background)

    def state(self) -> str:
        """Return a few words for the title line."""
        current = self._loop.session.current
        f1 = current.sure_scores.get("F1") if current is not None else None
        return f"F1 {f1}" if f1 is not None else ""

    def refresh(self) -> None:
        """Show the session's state."""
        current = self._loop.session.current
        if current is None:
            self.scores.setText("Train first; then this says how good the network is where it never trained.")
        elif current.sure_scores:
            self.scores.setText(_words(current))
        else:
            self.scores.setText(NOTHING_HELD_OUT.format(_ENOUGH[self._loop.session.labels_are]))
        session = self._loop.session
        for fold in self._of_objects:
            fold.setVisible(session.annotation is not None and session.labels_are is LabelsAre.OBJECTS)
        self.rounds.refresh()
        for panel in (self.evaluate, self.learning, self.blind):
            panel.refresh()


def _words(current: Any) -> str:
    sure = current.sure_scores
    n = round(sure["merges"].n) if "merges" in sure else 0
    lines = [f"“{current.name}”, on {n} objects that it never trained on:"]
    lines += [in_words(name, each) for name, each in sure.items()]
    lines.append("In brackets: where the score on unseen images of this kind lies, nine times in ten.")
    return "\n".join(lines)
