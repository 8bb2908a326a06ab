"""The other images of a project, which train together with the one that is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import ShouldStop
from napari_unet.errors import Stopped, UserError
from napari_unet.project import ImageEntry, ImageMissing, Project
from napari_unet.project.listing import unique_names
from napari_unet.session.keeping import Keeper
from napari_unet.session.pictures import FILE_CHANNELS, read_picture, source_of
from napari_unet.session.restoring import channels_of, painting_of

if TYPE_CHECKING:
    from napari_unet.workflow import AnnotatedImage


@dataclass(eq=False)
class FoundImages:
    """What the other images teach.

    Attributes
    ----------
    images
        By id, one entry per annotated plane.
    revisions
        Which state of its annotation each was read in.
    sentences
        Which images are left out, and why.
    """

    images: dict[str, list[AnnotatedImage]] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Companions:
    """The images of a project, as they were when a training was asked for.

    Attributes
    ----------
    current
        Id of the image that is open.
    sequence
        The state of its annotation.
    names
        Id → name under which an image trains, all of them in the project's order.
    entries
        Those besides the open one in which something was annotated.
    """

    project: Project
    current: str
    sequence: int
    names: Mapping[str, str]
    entries: tuple[ImageEntry, ...]

    @classmethod
    def of(cls, keeper: Keeper) -> Companions:
        """Take the images of the project that is kept."""
        images = keeper.project.images
        others = (i.id for i in images if i.progress != "new" and i.id != keeper.entry.id)
        return cls(
            keeper.project,
            keeper.entry.id,
            keeper.entry.sequence,
            unique_names(images),
            tuple(keeper.project.image(image_id) for image_id in others),
        )

    def read(self, labels_are: LabelsAre, n_channels: int, should_stop: ShouldStop) -> FoundImages:
        """Read annotations from the project and pictures from where they are; safe in any thread.

        Parameters
        ----------
        labels_are
            What those of the image that is open are: the others' must be the same.
        n_channels
            That the network sees.
        """
        found, missing = FoundImages(), []
        for entry in self.entries:
            if should_stop():
                raise Stopped
            name = self.names[entry.id]
            try:
                self._read_one(entry, name, labels_are, n_channels, found)
            except ImageMissing:
                missing.append(f"“{name}”")
            except UserError as error:
                found.sentences.append(f"“{name}” is left out: {error}")
        if missing:
            which = f"{', '.join(missing[:3])}{f' and {len(missing) - 3} more' if len(missing) > 3 else ''}"
            found.sentences.insert(
                0,
                f"Left out, as the files are not where they were: {which}. Open them to say where they are.",
            )
        return found

    def in_order(self, open_ones: Sequence[AnnotatedImage], found: FoundImages) -> list[AnnotatedImage]:
        """Return all annotated planes in the project's order, whichever image is open; no two of one name."""
        by_id = {**found.images, self.current: list(open_ones)}
        used: set[str] = set()
        ordered = []
        for plane in (plane for image_id in self.names for plane in by_id.get(image_id, ())):
            name, k = plane.name, 1
            while name in used:  # plane 1 of “cells”, and an image called “cells 1”
                k += 1
                name = f"{plane.name} ({k})"
            used.add(name)
            ordered.append(plane if name == plane.name else replace(plane, name=name))
        return ordered

    def _read_one(
        self, entry: ImageEntry, name: str, labels_are: LabelsAre, n_channels: int, found: FoundImages
    ) -> None:
        known = entry.sequence  # 0 where it was not opened yet
        state = entry.open()
        sequence, painting = known or entry.sequence, painting_of(state)
        if painting is None or not painting.annotated_planes():
            return
        if painting.labels_are is not labels_are:
            raise UserError(f"it holds {painting.labels_are}, the open image {labels_are}.")
        content = read_picture(self.project, entry).content
        if content is None:
            raise UserError("its file can only be read with a plugin of napari; save it as a TIFF.")
        source = source_of(content, entry.description, state.notes.get(FILE_CHANNELS))
        channels = channels_of(state.notes.get("channels"), source.n_channels)
        planes = painting.snapshot(source, tuple(channels or range(source.n_channels)), name)
        from napari_unet.workflow.volume_files import with_channels

        found.images[entry.id] = [
            replace(with_channels(plane, n_channels, "it"), image_id=entry.id) for plane in planes
        ]
        found.revisions[entry.id] = sequence
