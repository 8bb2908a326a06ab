"""Training patches drawn with the chosen settings, to look at before or while training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, hint, row
from napari_unet._qt.strip import Strip
from napari_unet.errors import UserError
from napari_unet.session import TrainingTask

_N_PATCHES = 5


def draw_patches(task: TrainingTask, n: int, seed: int) -> NDArray[np.uint8]:
    """Return `n` patches as that training would draw them, as one RGB picture; safe in any thread."""
    from napari_unet.network.preview import strip
    from napari_unet.network.sampling import PatchSampler
    from napari_unet.workflow.preparation import prepare
    from napari_unet.workflow.volumes import prepare_volumes

    settings = task.settings
    prepared = (prepare_volumes if settings.dimensions == 3 else prepare)(
        task.images,
        task.labels_are,
        task.class_names,
        settings.weight_map,
        object_size=task.object_size,
        grey_range=settings.grey_range,
        magnification=settings.magnification,
    )
    channels, recipe = prepared.images[0].image.shape[0], settings.recipe()
    network = settings.network_config(channels, prepared.n_classes, False, prepared.plane_step)
    sampler = PatchSampler(
        prepared.images,
        recipe.patch_size,
        network.margin,
        np.random.default_rng(seed),
        settings.augmentation,
        task.rgb,
        network.patch_planes(recipe.patch_planes),
    )
    return strip(sampler.draw(n), n)


class PatchStrip(QWidget):
    """Draws patches in a thread and shows them."""

    def __init__(self, loop: Loop, settings: Callable[[], Any]) -> None:
        super().__init__()
        self._loop, self._settings = loop, settings
        self._job: Job | None = None
        self._again = False
        self._seed = 0
        self.strip = Strip()
        self.sentence = hint("See what the network sees.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.strip)
        layout.addWidget(self.sentence)
        layout.addWidget(row(button("Show patches", "Draw other patches at random.", self.draw)))

    def is_drawn(self) -> bool:
        """Whether patches are shown and no others are being drawn."""
        return self._job is None and not self.strip.pixmap().isNull()

    def renew(self) -> None:
        """Draw anew with changed settings, where patches are shown already."""
        if not self.strip.pixmap().isNull():
            self.draw()

    def draw(self) -> None:
        """Start to draw patches."""
        if self._job is not None:
            self._again = True
            return
        try:
            task = self._loop.session.prepare_training("scratch", self._settings())
        except UserError as error:
            self.sentence.setText(str(error))
            return
        self._seed += 1
        seed = self._seed

        def run(on_report: object, should_stop: object) -> Any:
            return draw_patches(task, _N_PATCHES, seed)

        self._job = start_job(
            "drawing patches", run, completed=self._show, failed=self._fail, finished=self._end
        )

    def _show(self, rgb: Any) -> None:
        self.strip.set_rgb(rgb)
        self.sentence.setText("From top to bottom: image, target, weights.")

    def _fail(self, error: Exception) -> None:
        self.sentence.setText(
            str(error) if isinstance(error, UserError) else "No patches could be drawn; see the log."
        )

    def _end(self) -> None:
        self._job = None
        if self._again:
            self._again = False
            self.draw()
