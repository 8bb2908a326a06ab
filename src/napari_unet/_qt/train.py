"""Step 3: train, with the time it may take, and see how good it becomes."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QCheckBox, QFileDialog, QProgressBar, QSpinBox, QVBoxLayout, QWidget

from napari_unet._qt.advanced import Advanced
from napari_unet._qt.curves import Curves
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import Fold, button, combo, form, hint, refill, row
from napari_unet._qt.training_words import clock, result_of, words_of_step, words_of_stop
from napari_unet._qt.views import Views
from napari_unet.session import SCRATCH
from napari_unet.session.choices import TrainingChoices
from napari_unet.session.depth import depth_of

TOOLTIP = (
    "Train the U-Net on what you painted. Go on painting meanwhile; stopping keeps the best network so far."
)

_FILE, _STEPS, _UNTIL = "file", "steps", "until"
_BUDGETS = [
    ("1 minute", 1.0),
    ("5 minutes", 5.0),
    ("20 minutes", 20.0),
    ("until I stop", _UNTIL),
    ("by steps", _STEPS),
]


class TrainStep(QWidget):
    """Start, budget, Train/Stop, progress and curves; the rest is under *Advanced*."""

    def __init__(self, loop: Loop, views: Views) -> None:
        super().__init__()
        self._loop = loop
        self._chosen_start: object = None  # what suits best, as long as the user chose nothing
        self._choices: TrainingChoices | None = None  # what the widgets show
        self._drawn: Any = None  # the round whose curves are shown
        self.start = combo(
            [],
            "Which weights the training starts from. The bundled network has seen many kinds of cells and needs few "
            "examples; an earlier round is improved further.",
        )
        self.start.activated.connect(self._choose_start)
        self.kind = combo(
            [("planes", 2), ("volume", 3)],
            "Planes: each is seen by itself; quick, and right where objects lie in one plane. Volume: a plane is seen "
            "with those above and below it, and objects are made in 3D; slower. Paint a few planes spread through the "
            "stack either way.",
        )
        self.kind.currentIndexChanged.connect(self._take_choices)
        self.step_hint = hint()
        self.budget = combo(
            list(_BUDGETS), "When the training ends by itself. It may end earlier if nothing improves."
        )
        self.budget.currentIndexChanged.connect(self._take_choices)
        self.steps = QSpinBox()
        self.steps.setRange(1, 1_000_000)
        self.steps.setValue(300)
        self.steps.valueChanged.connect(self._take_choices)
        self.steps.setToolTip(
            "<p>Equal steps, seed and threads give equal networks; equal minutes do not.</p>"
        )
        self.train = button(
            "Train",
            "Train on all that is painted. While it runs this button stops it.",
            self._press,
            strong=True,
        )
        self.then = QCheckBox("then segment")
        self.then.setToolTip("<p>Segment the plane that is shown as soon as the training ends.</p>")
        self.then.setChecked(loop.segment_after_training)
        self.then.toggled.connect(self._set_then)
        self.against_anew = QCheckBox("forget nothing")
        self.against_anew.setToolTip(
            "<p>Where a round goes on from an earlier one, begin anew from the bundled network as well, for a fifth of "
            "the time, and keep what is better in the held-out places.</p>"
        )
        self.against_anew.setChecked(True)
        self.against_anew.toggled.connect(self._take_choices)
        self.progress = QProgressBar()
        # Never a moving bar without an end: every frame of it lets Qt draw the whole canvas anew, and on a
        # processor that takes the cores that train.
        self.progress.setRange(0, 1000)
        self.progress.setTextVisible(True)
        self.time_left = hint()
        self.curves = Curves()
        self.result = hint()
        self.advanced = Fold(
            "Advanced",
            "Weight map, augmentation, device, size of the network. The defaults suit a first training.",
            lambda: self._make_advanced(views),
        )
        self.learn_from = form(("Learn from", self.kind))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (
            form(("Start from", self.start), ("Time", row(self.budget, self.steps, stretch=0))),
            self.learn_from,
            self.step_hint,
            self.train,
            row(self.then, self.against_anew),
            self.progress,
            self.time_left,
            self.curves,
            self.result,
            self.advanced,
        ):
            layout.addWidget(part)
        loop.reported.connect(self._show_reports)
        loop.round_done.connect(self._go_on_from_new_round)
        self.curves.add(
            loop.reports
        )  # a dock that was opened again shows the training that went on without it
        if loop.reports:
            self._show_progress(loop.reports[-1])

    def state(self) -> str:
        """Return a few words for the title line."""
        if self._loop.training is not None:
            return "stopping …" if self._loop.stopping else "training …"
        current = self._loop.session.current
        return f"{current.name} done" if current is not None else ""

    def settings(self) -> Any:
        """Return what is chosen, as `TrainingSettings`."""
        made = self.advanced.body
        chosen = made.settings() if made is not None else self._kept_choices().training_settings()
        budget = self.budget.currentData()
        minutes = budget if isinstance(budget, float) else None
        steps = self.steps.value() if budget == _STEPS else None
        return chosen.model_copy(
            update={
                "minutes": minutes,
                "steps": steps,
                "early_stop": budget != _UNTIL,
                "dimensions": self.dimensions(),
            }
        )

    def dimensions(self) -> int:
        """Return 3 where volumes are to be learned from, 2 for planes."""
        image = self._loop.session.image
        return int(self.kind.currentData()) if image is not None and depth_of(image) is not None else 2

    def set_colours(self, text: str, background: str) -> None:
        """Follow the theme."""
        self.curves.set_colours(text, background)

    def refresh(self) -> None:
        """Show the session's state."""
        loop, session = self._loop, self._loop.session
        if self._choices is not self._kept_choices():  # a project was opened
            self._show_choices(self._kept_choices())
        running = loop.training is not None
        starts = [(text, key) for key, text in session.rounds.starts(self._preset() == "laptop")]
        keys = [key for _, key in starts]
        chosen = self._chosen_start if self._chosen_start in keys else keys[0]
        refill(self.start, [*starts, ("A model file …", _FILE)], chosen)
        if self.advanced.body is not None:
            self.advanced.body.set_from_scratch(chosen == SCRATCH)
        for widget in (self.start, self.budget, self.steps, self.kind):
            widget.setEnabled(not running)
        self.against_anew.setVisible(any(chosen == done.key for done in session.rounds.all))
        is_stack = session.image is not None and depth_of(session.image) is not None
        self.learn_from.setVisible(is_stack)
        self.step_hint.setVisible(is_stack and self.dimensions() == 3)
        self.step_hint.setText(words_of_step(session.image) if is_stack else "")
        self.steps.setVisible(self.budget.currentData() == _STEPS)
        self._name_button()
        self.train.setEnabled(session.annotation is not None and not loop.stopping)
        self.progress.setVisible(running)
        self.time_left.setVisible(running)
        self._show_past()
        self.curves.setVisible(running or self.curves.n_points() != (0, 0))
        self.result.setText(result_of(session.current))
        self.result.setVisible(bool(self.result.text()) and not running)

    def _name_button(self) -> None:
        loop = self._loop
        running = "Stopping …" if loop.stopping else words_of_stop(loop.reports)
        self.train.setText(running if loop.training is not None else "Train")

    def _show_past(self) -> None:
        """Draw the curves of the round in use, which may come from a project that was opened."""
        current = self._loop.session.current
        if self._loop.training is not None or current is self._drawn:
            return
        self._drawn = current
        outcome = current.outcome if current is not None else None
        self.curves.show_past(*((outcome.curves.loss, outcome.curves.held_out) if outcome else ((), ())))

    def _press(self) -> None:
        if self._loop.training is not None:
            self._loop.training_run.stop()
            self.refresh()
            return
        self.curves.clear()
        self._drawn = None
        self.progress.reset()
        self.time_left.setText("Preparing the patches …")
        with self._loop.telling("Training"):
            self._loop.train(str(self.start.currentData()), self.settings())
        self.refresh()

    def _show_reports(self, reports: list[Any]) -> None:
        self.curves.add(reports)
        self.curves.setVisible(True)
        if reports[-1].steps_per_second:  # else it still reads the images
            self._show_progress(reports[-1])
        for report in reports:
            if report.message:
                self._loop.say("info", report.message)

    def _show_progress(self, report: Any) -> None:
        endless = report.seconds_left is None
        self.progress.setValue(0 if endless else round(1000 * report.fraction))
        self._name_button()
        left = "until you stop it" if endless else f"{clock(report.seconds_left)} left"
        self.time_left.setText(f"Step {report.step} · {report.steps_per_second:.1f} steps/s · {left}")

    def _go_on_from_new_round(self) -> None:
        self._chosen_start = None  # the newest round
        self._take_choices()

    def _choose_start(self, *_: object) -> None:
        if self.start.currentData() != _FILE:
            self._chosen_start = self.start.currentData()
            self._take_choices()
            return
        path, _ = QFileDialog.getOpenFileName(
            self, "Start from a model file", "", "Models (*.safetensors *.zip)"
        )
        if path:
            with self._loop.telling("Reading the model"):
                self._chosen_start = self._loop.session.load_start_file(path)
        self._take_choices()

    def _make_advanced(self, views: Views) -> Advanced:
        made = Advanced(self._loop, views)
        choices = self._kept_choices()
        made.show_settings(choices.training_settings(), choices.run_on)
        made.valueChanged.connect(self._take_choices)
        made.set_from_scratch(self.start.currentData() == SCRATCH)
        return made

    def _preset(self) -> str:
        made = self.advanced.body
        if made is not None:
            return made.network.value().preset
        return str((self._kept_choices().settings or {}).get("preset", "laptop"))

    def _set_then(self, checked: bool) -> None:
        self._loop.segment_after_training = checked
        self._take_choices()

    def _kept_choices(self) -> TrainingChoices:
        return self._loop.session.state.training_choices

    def _take_choices(self, *_: object) -> None:
        """Let the project keep what is chosen now."""
        made = self.advanced.body
        settings = self._kept_choices().settings if made is None else made.settings().model_dump(mode="json")
        self._choices = self._loop.session.state.training_choices = TrainingChoices(
            start=str(self._chosen_start or ""),
            budget=self.budget.currentData(),
            steps=self.steps.value(),
            then_segment=self.then.isChecked(),
            against_anew=self.against_anew.isChecked(),
            dimensions=self.kind.currentData(),
            run_on=self._kept_choices().run_on if made is None else made.place.address(),
            settings=settings,
        )
        self.refresh()

    def _show_choices(self, choices: TrainingChoices) -> None:
        self._choices = choices
        self._chosen_start = choices.start or None
        with ExitStack() as quiet:
            for widget in (self.budget, self.steps, self.then, self.against_anew, self.kind):
                quiet.enter_context(QSignalBlocker(widget))
            self.kind.setCurrentIndex(max(self.kind.findData(choices.dimensions), 0))
            self.budget.setCurrentIndex(max(self.budget.findData(choices.budget), 0))
            self.steps.setValue(choices.steps)
            self.then.setChecked(choices.then_segment)
            self.against_anew.setChecked(choices.against_anew)
        self._loop.segment_after_training = choices.then_segment
        if self.advanced.body is not None:
            self.advanced.body.show_settings(choices.training_settings(), choices.run_on)
