"""From one image of a project to another: the rounds stay, and what was said about the images goes along."""

from __future__ import annotations

from dataclasses import dataclass

from napari_unet.annotation.coding import LabelsAre
from napari_unet.session.naming import restore_planes
from napari_unet.session.restoring import (
    Kept,
    channels_of,
    check_fits,
    restore_painting,
    restore_segmentation,
    size_of,
)
from napari_unet.session.session import Session


@dataclass(frozen=True)
class Luggage:
    """What goes along from the image that was open.

    Attributes
    ----------
    labels_are
        ``None`` where no annotation was begun.
    object_size
        In px, that the user set.
    """

    labels_are: LabelsAre | None
    class_names: tuple[str, ...]
    object_size: float | None
    pixel_size_um: float | None

    @classmethod
    def of(cls, session: Session) -> Luggage:
        """Take what a session's image gives to the next one."""
        painting, image = session.painting, session.image
        return cls(
            painting.labels_are if painting is not None else None,
            session.class_names,
            session.state.object_size_override,
            image.pixel_size_um if image is not None else None,
        )

    def size_for(self, pixel_size_um: float | None) -> float | None:
        """Return the size in px of the same objects in an image of perhaps another magnification."""
        if self.object_size is None or not self.pixel_size_um or not pixel_size_um:
            return self.object_size
        return min(max(self.object_size * self.pixel_size_um / pixel_size_um, 1.0), 10_000.0)


def unpack(luggage: Luggage, kept: Kept, session: Session) -> None:
    """Let a session that has just begun on another image be as that was kept; the network in use stays.

    An image that is new gets an annotation of the same kind, the same classes, and the size that the user set.

    Raises
    ------
    UserError
        If what was kept is of another shape.
    """
    image, notes = session.state.need_image(), kept.notes
    check_fits(kept.state, image)
    channels = channels_of(notes.get("channels"), image.n_channels)
    if channels:
        session.set_image(image, channels)
    same_kind = luggage.labels_are is not None and notes.get("labels_are") == luggage.labels_are
    if not restore_painting(kept, session, luggage.class_names if same_kind else ()) and luggage.labels_are:
        session.annotating.start(luggage.labels_are, luggage.class_names)
    known = "object_size" in notes
    session.set_object_size(size_of(notes) if known else luggage.size_for(image.pixel_size_um))
    restore_segmentation(kept, session)
    restore_planes(notes, session.state, session.segmenting.linking)
    session.state.changed.emit()
