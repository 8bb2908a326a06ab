"""Whether objects are those of single planes, or go on through depth and time."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel, QProgressBar, QVBoxLayout, QWidget

from napari_unet._qt.forms import Form
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import combo, refill, row, small_button
from napari_unet.objects.linking import LinkSettings
from napari_unet.session.through import Through

_WORDS = {
    Through.NOTHING: "each plane by itself",
    Through.DEPTH: "3D objects",
    Through.TIME: "tracks through time",
    Through.BOTH: "3D objects in time",
}
_FOUND = {
    Through.DEPTH: "{} in 3D",
    Through.TIME: "{} in time",
    Through.BOTH: "{} in 3D and time",
}
_FIELDS = {
    Through.DEPTH: {"least_overlap", "bridge_gaps"},
    Through.TIME: {"least_overlap_in_time", "bridge_gaps"},
    Through.BOTH: {"least_overlap", "least_overlap_in_time", "bridge_gaps"},
}


class LinkRow(QWidget):
    """Chooses what planes are linked along; acts on the labels there are, without the network."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self.through = combo(
            [],
            "Whether objects of neighbouring planes are one object with one number, by how much they overlap. It acts "
            "on what is segmented, at once and without the network.",
        )
        self.through.currentIndexChanged.connect(self._choose)
        self.settings = Form(LinkSettings())
        self.settings.valueChanged.connect(self._choose)
        self.found = QLabel()
        self.found.setToolTip("<p>Each has one number on all its planes; a division starts new numbers.</p>")
        self.again = small_button(
            "Link again", "Link anew after corrections of single planes.", loop.segmentation_run.linking.start
        )
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.stop = small_button("Stop", "The numbers stay as they are.", loop.segmentation_run.linking.stop)
        self._running = row(self.progress, self.stop, stretch=0)
        self._result = row(self.found, self.again, stretch=0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (row("Link planes", self.through, stretch=1), self.settings, self._running, self._result):
            layout.addWidget(part)
        loop.segmentation_run.linking.progressed.connect(
            lambda fraction: self.progress.setValue(round(1000 * fraction))
        )

    def refresh(self) -> None:
        """Show the session's choice, and what came of it."""
        linking, running = (
            self._loop.session.segmenting.linking,
            self._loop.segmentation_run.linking.job is not None,
        )
        choices = linking.choices()
        self.setVisible(len(choices) > 1)
        through = linking.through if linking.through in choices else Through.NOTHING
        refill(self.through, [(_WORDS[choice], choice) for choice in choices], through)
        self.settings.setValue(linking.settings)
        fields = _FIELDS.get(through, set())
        self.settings.setVisible(bool(fields))
        for name in self.settings.editors:
            self.settings.set_field_visible(name, name in fields)
        self._running.setVisible(running)
        shown = bool(fields) and not running and self._loop.session.segmentation is not None
        self._result.setVisible(shown)
        if shown:
            n = linking.n_objects
            count = "1 object" if n == 1 else f"{n} objects"
            self.found.setText("" if n is None else _FOUND[through].format(count))

    def _choose(self, *_: object) -> None:
        with self._loop.telling("Linking planes"):
            self._loop.session.segmenting.linking.choose(self.through.currentData(), self.settings.value())
            self._loop.segmentation_run.linking.start()
        self._loop.refresh_soon()
