"""A row in the dock that offers to go on with earlier work, or says why a project could not be opened."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from napari_unet._qt.project.moves import Moves
from napari_unet._qt.project.status import offer_words
from napari_unet._qt.rows import button, hint, row
from napari_unet.project import ImageMissing, ProjectLocked


class Offer(QWidget):
    """Hidden as long as there is nothing to ask; never in the way."""

    def __init__(self, moves: Moves) -> None:
        super().__init__()
        self._moves = moves
        self.text = hint()
        self.go_on = button(
            "Continue", "Show what you painted then, and go on with it.", moves.go_on, strong=True
        )
        self.anew = button("Start anew", "What was kept stays where it is.", moves.start_anew)
        self.delete = button("", "Remove what was kept from the disk; it can't be taken back.", self._delete)
        self._about_to_delete: Path | None = None  # asked already; the second press deletes
        self.copy = button("Open a copy", "The other window goes on with the original.", moves.open_copy)
        self.anyway = button(
            "Open it anyway", "Only when you are sure that it is closed there.", moves.open_anyway
        )
        self.find = button("Where is it? …", "Choose the image's file.", self._find)
        self.dismiss = button("Leave it", "Open nothing.", moves.dismiss)
        self._offer = row(self.go_on, self.anew, self.delete)
        self._refusal = row(self.copy, self.anyway, self.find, self.dismiss)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 4)
        for part in (self.text, self._offer, self._refusal):
            layout.addWidget(part)
        moves.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what there is to ask."""
        refusal, offers = self._moves.refusal, self._moves.offers
        if not any(kept.folder == self._about_to_delete for kept, _ in offers):
            self._about_to_delete = None
        self._refusal.setVisible(refusal is not None)
        self._offer.setVisible(refusal is None and bool(offers))
        self.setVisible(refusal is not None or bool(offers))
        if refusal is not None:
            self.text.setText(str(refusal))
            locked = isinstance(refusal, ProjectLocked)
            self.copy.setVisible(locked)
            self.anyway.setVisible(isinstance(refusal, ProjectLocked) and refusal.may_take_over)
            self.find.setVisible(isinstance(refusal, ImageMissing))
        elif offers:
            recovery, image_id = offers[0]
            asked = self._about_to_delete == recovery.folder
            self.delete.setText("Delete it for good?" if asked else "Delete it")
            self.text.setText(offer_words(recovery, image_id, len(offers) - 1))
            self.text.setToolTip(str(recovery.folder))

    def _delete(self) -> None:
        """Ask once more, in place: whole days of painting may lie there."""
        folder = self._moves.offers[0][0].folder
        if self._about_to_delete == folder:
            self._moves.delete_offer()
            return
        self._about_to_delete = folder
        self.refresh()

    def _find(self) -> None:
        refusal = self._moves.refusal
        start = str(refusal.path) if isinstance(refusal, ImageMissing) else ""
        path, _ = QFileDialog.getOpenFileName(self, "Where is the image?", start)
        if path:
            self._moves.image_is_at(Path(path))
