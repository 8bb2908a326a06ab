"""The inbox in the dock: the list, what is known of the chosen entry, the answers, and where to paint next."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QGridLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from napari_unet._qt.inbox.desk import KEYS, Desk, about
from napari_unet._qt.loop import Loop
from napari_unet._qt.rows import button, hint, row
from napari_unet.objects.doubts.doubt import Doubt
from napari_unet.session import Which

_ROWS = 5
_MOST_LISTED = 50
_EMPTY = "After a segmentation the objects most worth a look are listed here, with a proposed fix each."


class InboxPanel(QWidget):
    """Shows a desk."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self.desk = Desk(loop)
        self.desk.setParent(self)
        self.state = hint(_EMPTY)
        self.list = QListWidget()
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setToolTip("<p>The most doubtful first. Click on one to see it.</p>")
        line = self.list.fontMetrics().height() + 6
        self.list.setFixedHeight(_ROWS * line + 6)
        self.list.itemClicked.connect(self._choose)
        self.go = button(
            f"Next ({KEYS['go']})",
            f"Show the next one in the middle of the canvas. Key: {KEYS['go']}.",
            self.desk.go,
        )
        self.accept = button(
            f"Right ({KEYS['accept']})",
            "It is right as it is: the object enters your annotation; where one might have been missed, "
            f"background does. Key: {KEYS['accept']}.",
            self.desk.accept,
        )
        self.fix = button(
            f"Take the fix ({KEYS['fix']})",
            f"Do what is drawn in pink; it enters your annotation. Key: {KEYS['fix']}.",
            self.desk.take_fix,
        )
        self.skip = button(
            f"Skip ({KEYS['skip']})", f"Not now: it comes again after the next segmentation. Key: {KEYS['skip']}.",
            self.desk.skip,
        )  # fmt: skip
        self.part = button(
            "Show where",
            "Show the part of this plane in which the network is least sure and nothing is annotated.",
            self.desk.paint_where_it_teaches,
        )
        self.plane = button("", "The network is less sure there than here.", self.desk.show_next_plane)
        self.answers = QWidget()
        grid = QGridLayout(self.answers)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(6)
        for i, made in enumerate((self.go, self.fix, self.accept, self.skip)):
            grid.addWidget(made, i // 2, i % 2)
        self.teach = row("Paint next:", self.part, self.plane)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for part in (self.state, self.list, self.answers, self.teach):
            layout.addWidget(part)
        self.desk.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what is in the inbox."""
        desk = self.desk
        shown = desk.open[:_MOST_LISTED]
        with QSignalBlocker(self.list):
            if [self.list.item(i).data(Qt.ItemDataRole.UserRole) for i in range(self.list.count())] != shown:
                self.list.clear()
                for doubt in shown:
                    item = QListWidgetItem(_title(doubt))
                    item.setData(Qt.ItemDataRole.UserRole, doubt)
                    item.setToolTip(f"<p>{about(doubt)}</p>")
                    self.list.addItem(item)
            self.list.setCurrentRow(shown.index(desk.current) if desk.current in shown else -1)
        self.state.setText(self._words())
        for part in (self.list, self.answers):
            part.setVisible(bool(shown))
        chosen = desk.current is not None
        for made in (self.accept, self.skip):
            made.setEnabled(chosen)
        self.fix.setEnabled(chosen and desk.current.fix is not None)
        part, plane = (desk.found.part, desk.found.next_plane) if desk.found is not None else (None, None)
        self.teach.setVisible(part is not None)
        self.plane.setVisible(plane is not None)
        if plane is not None:
            self.plane.setText("Plane " + ", ".join(str(i) for i in plane))

    def _words(self) -> str:
        desk, n = self.desk, len(self.desk.open)
        if desk.looking and desk.found is None:
            return "Looking through the plane …"
        if desk.found is None or self._loop.layers.layer(Which.SEGMENTATION) is None:
            return _EMPTY
        if n == 0:
            return "Nothing more on this plane is worth a look."
        return f"{'One place is' if n == 1 else f'{n} places are'} worth a look, the most doubtful first."

    def _choose(self, item: QListWidgetItem) -> None:
        with self._loop.telling("Going there"):
            self.desk.go(item.data(Qt.ItemDataRole.UserRole))


def _title(doubt: Doubt) -> str:
    which = "objects" if len(doubt.values) > 1 else "object"
    return (
        f"{doubt.kind.words}  ·  {which} {', '.join(map(str, doubt.values))}"
        if doubt.values
        else doubt.kind.words
    )
