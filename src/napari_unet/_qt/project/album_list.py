"""The project's images in the dock: a list with the state of each, *Next image*, *Add images …*."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSignalBlocker, QSize, Qt
from qtpy.QtWidgets import QFileDialog, QHeaderView, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from napari_unet._qt.project.album import Album
from napari_unet._qt.rows import button, hint, row
from napari_unet.formats.paths import KINDS

_STATES = {"new": "new", "work": "in work", "done": "done ✓"}
_MOST_ROWS, _PADDING = 6, 6


class AlbumList(QWidget):
    """One line while there is one image; the list from the second one on."""

    def __init__(self, album: Album) -> None:
        super().__init__()
        self._album = album
        self._shown: object = None
        self.words = hint()
        self.list = QTreeWidget()
        self.list.setColumnCount(2)
        self.list.setHeaderHidden(True)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setToolTip("<p>The images of the project. Double-click one to open it.</p>")
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.itemActivated.connect(self._open)
        self.list.itemDoubleClicked.connect(self._open)
        self.list.currentItemChanged.connect(lambda *_: self._name_done())
        self.next = button(
            "Next image",
            "Open the next image that is not done. Network, rounds, classes and settings go along; what you painted "
            "here is kept.",
            album.next,
        )
        self.done = button("Mark as done", "Next image passes over images that are done.", self._toggle_done)
        self.add = button(
            "Add images …",
            "Choose image files, several at once. They stay where they are; a training uses all images that are "
            "annotated.",
            self._add,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.words)
        layout.addWidget(self.list)
        layout.addWidget(row(self.next, self.done, self.add))
        album.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show how things are; cheap where nothing changed."""
        album = self._album
        images, several = album.images, len(album.images) > 1
        for widget in (self.list, self.next, self.done):
            widget.setVisible(several)
        self.words.setText(album.busy or (f"Images: {album.words()}" if several else ""))
        self.words.setVisible(bool(self.words.text()))
        for widget in (self.next, self.add):
            widget.setEnabled(not album.busy)
        if several and self._shown != (images, album.current):
            self._fill()
            self._shown = (images, album.current)

    def _fill(self) -> None:
        album, chosen = self._album, self._selected()
        rows = [(image.id, image.name, _STATES[image.progress]) for image in album.images]
        with QSignalBlocker(self.list):
            if [item.data(0, Qt.ItemDataRole.UserRole) for item in self._items()] != [r[0] for r in rows]:
                self.list.clear()
                self.list.addTopLevelItems([QTreeWidgetItem() for _ in rows])
            for item, (image_id, name, state) in zip(self._items(), rows, strict=True):
                is_open = image_id == album.current
                item.setData(0, Qt.ItemDataRole.UserRole, image_id)
                item.setText(0, name)
                item.setText(1, state)
                item.setToolTip(0, name)
                item.setSizeHint(0, QSize(0, self.fontMetrics().height() + _PADDING))
                font = item.font(0)
                if font.bold() != is_open:
                    font.setBold(is_open)
                    item.setFont(0, font)
                moved = self._shown is None or self._shown[1] != album.current
                if is_open and (moved or not chosen):
                    self.list.setCurrentItem(item)
                    self.list.scrollToItem(item)
        height = self.list.sizeHintForRow(0) * min(len(rows), _MOST_ROWS) + 2 * self.list.frameWidth()
        self.list.setFixedHeight(height)
        self._name_done()

    def _items(self) -> list[QTreeWidgetItem]:
        return [self.list.topLevelItem(i) for i in range(self.list.topLevelItemCount())]

    def _selected(self) -> str:
        item = self.list.currentItem()
        return self._album.current if item is None else item.data(0, Qt.ItemDataRole.UserRole)

    def _progress(self) -> str:
        chosen = self._selected()
        return next((image.progress for image in self._album.images if image.id == chosen), "new")

    def _name_done(self) -> None:
        self.done.setText("Mark as in work" if self._progress() == "done" else "Mark as done")

    def _toggle_done(self) -> None:
        self._album.set_progress(self._selected(), "work" if self._progress() == "done" else "done")

    def _open(self, item: QTreeWidgetItem, column: int = 0) -> None:
        self._album.open(item.data(0, Qt.ItemDataRole.UserRole))

    def _add(self) -> None:
        kinds = " ".join(f"*{kind}" for kind in KINDS if kind != ".zarr")
        files, _ = QFileDialog.getOpenFileNames(self, "Add images to the project", "", f"Images ({kinds})")
        self._album.add([Path(file) for file in files])
