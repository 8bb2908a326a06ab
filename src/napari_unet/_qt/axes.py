"""What the axes of the image are: read from its file, or said by the user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.layers import Image
from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from napari_unet._qt.job import Job, start_job
from napari_unet._qt.layers.arranging import arrange, is_arranged, layers_of, name_layer_axes
from napari_unet._qt.layers.sources import channel_axis_of, full_resolution, spatial_shape
from napari_unet._qt.loop import Loop
from napari_unet._qt.project.sight import said_file
from napari_unet._qt.rows import button, hint, row
from napari_unet.formats.axes import check_axes, letters_of, says_axes
from napari_unet.formats.header import Header, read_header
from napari_unet.session.naming import name_axes


class AxesRow(QWidget):
    """Shows the axes of a stack, and brings them into an order that can be painted on."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._wanted: tuple[Image, str] | None = (
            None  # what the user called the axes of a layer to be arranged
        )
        self._asked: list[Image] = []  # layers whose file was looked at
        self._job: Job | None = None
        self.axes = QLineEdit()
        self.axes.setMaxLength(12)
        self.axes.setToolTip(
            "<p>One letter per axis, the one that changes slowest first: T time, Z depth, C channels, Y rows, "
            "X columns. They are read from the file where it says them; change them where they are wrong.</p>"
        )
        self.axes.editingFinished.connect(self._name)
        self.why = hint()
        self.arrange = button(
            "", "Layers that can be painted on, plane by plane; nothing is copied.", self._arrange
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (row("Axes", self.axes, stretch=1), self.why, self.arrange):
            layout.addWidget(part)

    def refresh(self) -> None:
        """Show the session's axes, and whether the image is to be arranged first."""
        image, chosen = self._loop.session.image, self._loop.layers.images
        stack = image is not None and len(image.spatial_shape) > 2 and bool(chosen)
        self.setVisible(stack)
        if not stack:
            return
        self._follow_layer(chosen[0], image.axes)
        self._ask_file(chosen[0])
        if self._wanted is not None and self._wanted[0] != chosen[0]:
            self._wanted = None
        axes = self._wanted[1] if self._wanted is not None else image.axes
        if not self.axes.hasFocus():
            with QSignalBlocker(self.axes):
                self.axes.setText(axes)
        self._show_what_to_do(chosen[0], axes)

    def _follow_layer(self, layer: Image, axes: str) -> None:
        """Take note of labels that somebody gave a layer, and give it those that a project kept."""
        if says_axes(layer.axis_labels):
            layer.metadata.setdefault(_NAMED, True)
        if letters_of(layer.axis_labels, layer.ndim) != axes:
            name_layer_axes(layers_of(self._loop.layers), axes)

    def _show_what_to_do(self, layer: Image, axes: str) -> None:
        channel = axes.find("C") if len(self._loop.layers.images) == 1 else -1
        unsure = channel < 0 and len(self._loop.layers.images) == 1 and axes.endswith("YX")
        perhaps = (
            channel_axis_of(layer) if unsure and axes[0] not in "TP" and not self._is_named(layer) else None
        )
        self.why.setVisible(not is_arranged(axes))
        self.arrange.setVisible(not is_arranged(axes) or perhaps is not None)
        if channel >= 0:
            n = spatial_shape(layer)[channel]
            self.why.setText("Channels are seen together by the network, so each becomes a layer of its own.")
            self.arrange.setText(f"Split C into {n} channels")
        elif not axes.endswith("YX"):
            self.why.setText("Rows and columns must come last to be painted on.")
            self.arrange.setText("Arrange as planes")
        elif perhaps is not None:
            self.arrange.setText(
                f"Axis {axes[perhaps]} ({spatial_shape(layer)[perhaps]} steps) holds channels: split it"
            )

    def _is_named(self, layer: Image) -> bool:
        """Whether a file or a person said what the axes are, so that a short one is no riddle."""
        return bool(layer.metadata.get(_NAMED))

    def _name(self) -> None:
        layer = self._loop.layers.images[0]
        with self._loop.telling("Naming the axes"):
            self._take(layer, check_axes(self.axes.text(), spatial_shape(layer)))
        self._loop.refresh_soon()

    def _take(self, layer: Image, axes: str) -> None:
        self._wanted = None
        layer.metadata[_NAMED] = True
        if axes.endswith("YX"):
            name_axes(self._loop.session.state, axes)
            name_layer_axes(layers_of(self._loop.layers), axes)
        else:
            self._wanted = layer, axes

    def _arrange(self) -> None:
        with self._loop.telling("Arranging the axes"):
            layer = self._loop.layers.images[0]
            axes = self._wanted[1] if self._wanted is not None else self._loop.session.state.need_image().axes
            perhaps = channel_axis_of(layer)
            if is_arranged(axes) and perhaps is not None:
                axes = axes[:perhaps] + "C" + axes[perhaps + 1 :]
            self._wanted = None
            made = arrange(self._loop.layers.viewer(), layer, axes)
            for one in made:
                one.metadata[_NAMED] = True
            self._loop.layers.choose_images(made)
        self._loop.refresh_soon()

    # ---- what the file says --------------------------------------------------------------------------------

    def _ask_file(self, layer: Image) -> None:
        """Read the header in a thread; the labels that a person gave count more."""
        path = said_file(layer)
        if self._job is not None or layer in self._asked or self._is_named(layer) or not path:
            return
        self._asked.append(layer)
        self._job = start_job(
            "reading the axes",
            lambda on_report, should_stop: (layer, read_header(Path(path))),
            completed=self._take_header,
            failed=self._loop.tell_failure,
            finished=self._forget_job,
            asks=False,
        )

    def _take_header(self, found: Any) -> None:
        layer, header = found
        chosen = self._loop.layers.images
        if header is None or not chosen or chosen[0] != layer or self._is_named(layer):
            return
        axes = _fitting(header, layer)
        if axes is not None:
            with self._loop.telling("Naming the axes"):
                self._take(layer, axes)
            self._loop.refresh_soon()

    def _forget_job(self) -> None:
        self._job = None


_NAMED = "napari_unet_axes"
"""Key in a layer's metadata: its axes were named by a file or a person."""


def _fitting(header: Header, layer: Image) -> str | None:
    """Return a file's axes where the layer shows the whole of it, else ``None``."""
    if header.shape != tuple(int(n) for n in full_resolution(layer).shape):
        return None
    axes = header.axes.removesuffix("S") if layer.rgb else header.axes
    return axes if "S" not in axes and len(axes) == len(spatial_shape(layer)) else None
