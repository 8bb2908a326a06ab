"""Step 1: which image, which channels, and how large an object is."""

from __future__ import annotations

from napari.layers import Image
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QDoubleSpinBox, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from napari_unet._qt.axes import AxesRow
from napari_unet._qt.large.rows import PartRow
from napari_unet._qt.layers.sources import image_layers, spatial_shape
from napari_unet._qt.loop import Loop
from napari_unet._qt.measuring import Measuring
from napari_unet._qt.project.album_list import AlbumList
from napari_unet._qt.project.row import ProjectRow
from napari_unet._qt.rows import button, column, combo, hint, refill, row
from napari_unet.session import Which
from napari_unet.session.measuring import ASSUMED_OBJECT_SIZE

_ORIGINS = {
    "assumed": "Assumed until you segment, or paint an object whole.",
    "found in the image": "Found by the bundled network, which tried several sizes. If it is wrong, say how large "
    "your objects are and segment again.",
    "measured": "Measured on the objects you painted whole.",
    "set by you": "You set it; Measure goes back.",
}
_PLANES = {"Z": "planes", "T": "time points", "C": "channels", "P": "positions"}
TOOLTIP = "Which image is segmented, and at which size its objects are seen by the network."


class ImageStep(QWidget):
    """Chooses the image; shows what to do where none is open."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._measuring = Measuring(loop)
        self.layer = combo([], "The image layer to segment.")
        self.layer.currentIndexChanged.connect(self._choose)
        self.channels = QListWidget()
        self.channels.setToolTip(
            "<p>Layers of the same size: those with a tick are seen by the network together.</p>"
        )
        self.channels.itemChanged.connect(self._choose)
        self.facts = hint()
        self.axes = AxesRow(loop)
        self._channel_box = column(hint("Channels"), self.channels)
        self.size = QDoubleSpinBox()
        self.size.setRange(1, 10_000)
        self.size.setDecimals(0)
        self.size.setSuffix(" px")
        self.size.setValue(ASSUMED_OBJECT_SIZE)
        self.size.setKeyboardTracking(False)
        self.size.setToolTip(
            "<p>Diameter of a typical object: measured on the objects you painted whole, or found in the image by "
            "the network. The image is resampled so that for the network such an object is about 28 px. Change it "
            "to overrule it.</p>"
        )
        self.size.valueChanged.connect(self._set_size)
        self.size_origin = hint()
        self.measure = button("Measure", "Go back to the size measured on your objects.", self._measure_size)
        self._missing = column(
            hint(
                "No image is open. Open yours with File › Open File(s), or drop it on the window; add several images "
                "below."
            ),
            row(
                button(
                    "Open the coins sample",
                    "A small image with a few coins annotated already.",
                    self._open_sample,
                )
            ),
        )
        self._present = column(
            self.layer, self.facts, self.axes, self._channel_box,
            row("Object size", self.size, self.size_origin, self.measure, stretch=2),
        )  # fmt: skip
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._missing)
        self.part = PartRow(loop)
        layout.addWidget(self.part)
        layout.addWidget(self._present)
        self.project = ProjectRow(loop.keeping, loop.moves)
        layout.addWidget(self.project)
        self.album = AlbumList(loop.album)
        layout.addWidget(self.album)

    def state(self) -> str:
        """Return a few words for the title line."""
        image = self._loop.session.image
        if image is None:
            return "open an image"
        if not set(self._loop.layers.images) <= set(image_layers(self._loop.layers.viewer())):
            return f"{image.name} · its layer was removed"
        album = self._loop.album
        saved = self._loop.keeping.saved() if self.isHidden() else ""  # else it is beside the project's name
        facts = [image.name, album.words() if len(album.images) > 1 else "", saved]
        return " · ".join(fact for fact in facts if fact)

    def reset_choices(self, event: object = None) -> None:
        """Read which layers there are; napari calls this when layers come, go or change their name."""
        self._loop.begin_with_what_is_open()
        self.refresh()

    def refresh(self) -> None:
        """Show the session's state."""
        self.project.refresh()
        self.album.refresh()
        session, chosen = self._loop.session, self._loop.layers.images
        layers = image_layers(self._loop.layers.viewer())
        refill(self.layer, [(layer.name, layer) for layer in layers], chosen[0] if chosen else None)
        self.part.refresh()
        self._missing.setVisible(not layers and self.part.isHidden())
        self._present.setVisible(bool(layers))
        if session.image is None or not chosen:
            return
        leading = zip(session.image.spatial_shape[:-2], session.image.axes, strict=False)
        facts = [f"{session.image.plane_shape[1]} × {session.image.plane_shape[0]} px"]
        facts += [f"{n} {_PLANES.get(axis, f'steps of {axis}')}" for n, axis in leading]
        facts += ["RGB"] if session.image.rgb else []
        facts += [f"{len(chosen)} channels"] if len(chosen) > 1 else []
        facts += [f"{session.image.pixel_size_um:.3g} µm/px"] if session.image.pixel_size_um else []
        self.facts.setText(" · ".join(facts))
        self.axes.refresh()
        self._show_channels(layers, chosen)
        self._show_size()

    def _show_channels(self, layers: list[Image], chosen: list[Image]) -> None:
        alike = [] if chosen[0].rgb else [
            layer for layer in layers if not layer.rgb and spatial_shape(layer) == spatial_shape(chosen[0])
        ]  # fmt: skip
        self._channel_box.setVisible(len(alike) > 1)
        with QSignalBlocker(self.channels):
            self.channels.clear()
            for layer in alike:
                item = QListWidgetItem(layer.name)
                item.setData(Qt.ItemDataRole.UserRole, layer)
                item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled)
                item.setCheckState(Qt.CheckState.Checked if layer in chosen else Qt.CheckState.Unchecked)
                self.channels.addItem(item)
        height = self.channels.sizeHintForRow(0) if alike else 0
        self.channels.setFixedHeight(height * min(len(alike), 4) + 6)

    def _show_size(self) -> None:
        if not self._loop.session.sizes.known:  # it is being measured in a thread
            self.size_origin.setText(
                "measuring …" if self._loop.session.annotation is not None else "assumed"
            )
            self.measure.setVisible(False)
            return
        size, origin = self._loop.session.object_size(anew=False)
        with QSignalBlocker(self.size):
            self.size.setValue(size)
        self.size_origin.setText(origin)
        self.size_origin.setToolTip(_ORIGINS[origin])
        self.measure.setVisible(origin == "set by you")

    def _choose(self, *_: object) -> None:
        first = self.layer.currentData()
        if first is None:
            return
        ticked = [
            item.data(Qt.ItemDataRole.UserRole)
            for item in (self.channels.item(i) for i in range(self.channels.count()))
            if item.checkState() == Qt.CheckState.Checked
        ]
        if self.sender() is self.layer:
            ticked = [first]
        before = self._loop.layers.layer(Which.ANNOTATION)
        with self._loop.telling("Choosing the image"):
            self._loop.layers.choose_images(ticked or [first])
            if before is not None and self._loop.session.annotation is None:
                self._loop.say(
                    "warning",
                    f"This image has another size and begins anew; “{before.name}” stays in the layer list.",
                )
        self._loop.refresh_soon()

    def _set_size(self, value: float) -> None:
        with self._loop.telling("Setting the object size"):
            self._loop.session.set_object_size(value)

    def _measure_size(self) -> None:
        with self._loop.telling("Measuring the object size"):
            self._loop.session.set_object_size(None)

    def _open_sample(self) -> None:
        with self._loop.telling("Opening the sample"):
            self._loop.layers.viewer().open_sample("napari-unet", "coins")
