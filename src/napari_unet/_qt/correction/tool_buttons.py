"""The buttons of the tools, and what to do with the one in hand."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_unet._qt.correction.tools import CLASS, TOOLS, Tool
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import brush_button, combo, hint, refill, row
from napari_unet.annotation.coding import LabelsAre
from napari_unet.session import Which

_IDLE = "Choose a tool or press its key: what you touch with it becomes part of your annotation."
_COLUMNS = 3


class ToolButtons(QWidget):
    """One button per tool; that of the tool in hand is pressed."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self.buttons: dict[Tool, QPushButton] = {}
        self.kind = combo([], "The class that a click gives.")
        self.kind.activated.connect(self._choose_kind)
        self.scope = combo(
            [("this plane", False), ("the object on all its planes", True)],
            "What Merge, Delete, Class and accepting an object act on. An object goes through planes where these are "
            "linked (step 4, Link planes) or were segmented as a volume. All planes together are one step of Undo.",
        )
        self.scope.activated.connect(self._choose_scope)
        self._scope_row = row("On stacks:", self.scope, stretch=1)
        self.how = hint(_IDLE)
        self._grid = grid = QGridLayout(self)
        self._offered: list[Tool] = []
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(6)
        for tool in TOOLS:
            made = brush_button(
                f"{tool.name} ({tool.key})", QIcon(), f"{tool.tooltip} {tool.how} Key: {tool.key}."
            )
            made.clicked.connect(lambda _, tool=tool: self._loop.tools.toggle(tool))
            made.setVisible(False)
            self.buttons[tool] = made
        below = -(-len(TOOLS) // _COLUMNS)
        grid.addWidget(self.kind, below, 0, 1, _COLUMNS)
        grid.addWidget(self._scope_row, below + 1, 0, 1, _COLUMNS)
        grid.addWidget(self.how, below + 2, 0, 1, _COLUMNS)

    def refresh(self) -> None:
        """Show the tool in hand, and what can be used."""
        session, tools = self._loop.session, self._loop.tools
        has = session.segmentation is not None and self._loop.layers.layer(Which.SEGMENTATION) is not None
        objects = session.labels_are is LabelsAre.OBJECTS
        is_stack = session.image is not None and len(session.image.planes()) > 2
        named = bool(session.class_names)
        useful = [tool for tool in TOOLS if objects or not tool.single_objects]
        useful = [tool for tool in useful if is_stack or not tool.across_planes]
        self._offer([tool for tool in useful if named or tool != CLASS])
        for tool, made in self.buttons.items():
            made.setEnabled(has and tool in self._offered)
            made.setChecked(tool == tools.tool)
        self.how.setText(_IDLE if tools.tool is None else f"{tools.tool.name}: {_small(tools.tool.how)}")
        names = [(name, number) for number, name in enumerate(session.class_names, start=1)]
        if tools.gestures.class_number > len(names):  # a class was removed
            tools.gestures.class_number = 1
        with QSignalBlocker(self.kind):
            refill(self.kind, names, tools.gestures.class_number)
        self.kind.setVisible(tools.tool == CLASS and bool(names))
        plane = self._loop.layers.current_plane()
        goes_on = has and plane is not None and bool(session.correcting.whole.axes(plane))
        self._scope_row.setVisible(goes_on)
        self.scope.setCurrentIndex(int(tools.gestures.whole))

    def _choose_scope(self, index: int) -> None:
        self._loop.tools.gestures.whole = bool(self.scope.itemData(index))

    def _offer(self, tools: list[Tool]) -> None:
        """Show the tools that can do something, without gaps."""
        if tools == self._offered:
            return
        self._offered = tools
        for tool, made in self.buttons.items():
            made.setVisible(tool in tools)
            self._grid.removeWidget(made)
        for i, tool in enumerate(tools):
            self._grid.addWidget(self.buttons[tool], i // _COLUMNS, i % _COLUMNS)

    def _choose_kind(self, index: int) -> None:
        self._loop.tools.gestures.class_number = int(self.kind.itemData(index))


def _small(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
