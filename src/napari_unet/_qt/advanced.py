"""What can be chosen about a training besides its time."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QLabel, QSpinBox, QVBoxLayout, QWidget

from napari_unet._qt.forms import Form
from napari_unet._qt.loop import Loop
from napari_unet._qt.patches import PatchStrip
from napari_unet._qt.rows import Fold, column, combo, row
from napari_unet._qt.run_on import RunOn
from napari_unet._qt.views import Views
from napari_unet.annotation.terms import WeightMapSettings

FORMULAS = {
    "ronneberger2015": "w(x) = w_c(x) + w0 · exp(−(d1 + d2)² / (2σ²))\n"
    "w_c balances the classes; d1, d2: distances in network px to the nearest and second nearest object. "
    "(Ronneberger, Fischer, Brox 2015)",
    "falk2019": "background: w(x) = v + w0 · exp(−(d1 + d2)² / (2σ²)) + (1 − v) · exp(−d1² / (2σ_bal²))\n"
    "objects: 1; d1, d2: distances in network px to the nearest and second nearest object. "
    "(Falk et al. 2019)",
}
_FIELDS = {"ronneberger2015": ("balance_classes",), "falk2019": ("v", "sigma_balance")}


class Advanced(QWidget):
    """Network, grey range, seed, device, weight map, augmentation with its strip of patches.

    Signals
    -------
    valueChanged()
        Something else is chosen.
    """

    valueChanged = Signal()

    def __init__(self, loop: Loop, views: Views) -> None:
        super().__init__()
        from napari_unet.network.augmentation import AugmentationSettings
        from napari_unet.network.training_settings import TrainingSettings

        self._loop, self._views = loop, views
        self.network = Form(TrainingSettings(), only=("preset", "grey_range", "seed"))
        self.network.valueChanged.connect(self._choose_network)
        shape = self.network.value().network_config(1, 2, True)
        self._preset = self.network.value().preset
        self.weights = Form(views.weight_settings)
        self.weights.valueChanged.connect(self._weigh)
        self.show_weights = QCheckBox("Show the weight map as a layer")
        self.show_weights.setToolTip(
            "<p>How much each pixel counts in the training: bright lines between touching objects are what "
            "pulls them apart. The layer follows your brush.</p>"
        )
        self.show_weights.toggled.connect(lambda wanted: views.want("Weight map", wanted))
        self.formula = QLabel()
        self.formula.setWordWrap(True)
        self.augmentation = Form(AugmentationSettings())
        self.strip = PatchStrip(loop, self.settings)
        self.augmentation.valueChanged.connect(lambda *_: self.strip.renew())
        self.device = combo(
            _devices(), "Where the training computes. auto takes a graphics card if there is one."
        )
        self.place = RunOn("Where the training runs; painting stays here:")
        self.width_box = _optional(shape.width, 2, 128)
        self.width_box.setToolTip(
            "<p>Channels at the finest level: wider learns more, slower. For a start from scratch.</p>"
        )
        self.depth_box = _optional(shape.depth, 1, 6)
        self.depth_box.setToolTip(
            "<p>How often the image is halved: deeper sees further around. For a start from scratch.</p>"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.weights_fold = Fold(
            "Weight map",
            "Extra weight between touching objects teaches the network to keep them apart.",
            column(self.weights, self.formula, self.show_weights),
        )
        self.augmentation_fold = Fold(
            "Augmentation",
            "Patches are varied at random so that few painted objects teach much.",
            column(self.strip, self.augmentation),
        )
        for part in (
            self.network,
            row("Device", self.device, stretch=1),
            row("Run on", self.place, stretch=1),
            row("Width", self.width_box, "Depth", self.depth_box),
            self.weights_fold,
            self.augmentation_fold,
        ):
            layout.addWidget(part)
        self._show_formula()
        for changed in (
            self.network.valueChanged,
            self.weights.valueChanged,
            self.augmentation.valueChanged,
            self.device.currentIndexChanged,
            self.place.currentTextChanged,
            self.width_box.valueChanged,
            self.depth_box.valueChanged,
        ):
            changed.connect(lambda *_: self.valueChanged.emit())

    def show_settings(self, settings: Any, run_on: str) -> None:
        """Show other `TrainingSettings` and a scheduler's address, without a signal; time is shown elsewhere."""
        blocked = self.blockSignals(True)
        self.place.set_address(run_on)
        shape = settings.network_config(1, 2, True)
        self._preset = settings.preset
        self.network.setValue(settings)
        self.width_box.setValue(shape.width)
        self.depth_box.setValue(shape.depth)
        self.device.setCurrentIndex(max(self.device.findData(settings.device), 0))
        self.augmentation.setValue(settings.augmentation)
        self.weights.setValue(settings.weight_map)
        self._views.weigh_with(settings.weight_map)
        self._show_formula()
        self.strip.renew()
        self.blockSignals(blocked)

    def settings(self) -> Any:
        """Return the settings; time and steps are chosen elsewhere."""
        return self.network.value().model_copy(
            update={
                "weight_map": self.weights.value(),
                "augmentation": self.augmentation.value(),
                "device": self.device.currentData(),
                "width": self.width_box.value(),
                "depth": self.depth_box.value(),
            }
        )

    def set_from_scratch(self, from_scratch: bool) -> None:
        """Let the size of the network be chosen only where no start brings its own."""
        for box in (self.width_box, self.depth_box):
            box.setEnabled(from_scratch)

    def _choose_network(self, settings: Any) -> None:
        if settings.preset == self._preset:
            return
        self._preset = settings.preset
        shape = settings.network_config(1, 2, True)
        self.width_box.setValue(shape.width)
        self.depth_box.setValue(shape.depth)

    def _weigh(self, settings: WeightMapSettings) -> None:
        before = self._views.weight_settings
        if settings.preset != before.preset:
            settings = getattr(WeightMapSettings, settings.preset)()
            self.weights.setValue(settings)
        self._views.weigh_with(settings)
        self._show_formula()

    def _show_formula(self) -> None:
        preset = self.weights.value().preset
        formula, explained = FORMULAS[preset].split("\n")
        self.formula.setText(formula)
        for widget in (self.formula, self.weights.editors["w0"], self.weights.editors["sigma"]):
            widget.setToolTip(f"<p>{formula}</p><p>{explained}</p>")
        for owner, names in _FIELDS.items():
            for name in names:
                self.weights.set_field_visible(name, owner == preset)


def _devices() -> list[tuple[str, object]]:
    import torch

    found: list[tuple[str, object]] = [("automatic", "auto"), ("processor", "cpu")]
    if torch.cuda.is_available():
        found.append(("graphics card (CUDA)", "cuda"))
    if torch.backends.mps.is_available():
        found.append(("graphics card (Apple)", "mps"))
    return found


def _optional(value: int, low: int, high: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setKeyboardTracking(False)
    return box
