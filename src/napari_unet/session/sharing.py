"""The network in use as a package for the BioImage Model Zoo, with a sample of the image that is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_unet.errors import UserError
from napari_unet.session.image import ImageSource, Plane
from napari_unet.session.rounds import Round
from napari_unet.session.state import State
from napari_unet.session.takeaway import NOT_TRAINED

if TYPE_CHECKING:
    from napari_unet.workflow.zoo.about import About


@dataclass(frozen=True, eq=False)
class Sharing:
    """A network and the plane whose middle goes along as a sample."""

    current: Round
    image: ImageSource
    channels: tuple[int, ...]
    plane: Plane

    @classmethod
    def of(cls, state: State, plane: Plane) -> Sharing:
        """Take the network in use; costs nothing.

        Raises
        ------
        UserError
            Where there is no image, nothing was trained yet, or the network is one of volumes.
        """
        current = state.rounds.current
        if current is None:
            raise UserError(NOT_TRAINED)
        if current.description.network.dimensions == 3:
            raise UserError("A network of volumes can't be shared this way; choose a round of planes.")
        return cls(current, state.need_image(), state.channels, plane)

    def save(self, path: str | Path, about: About) -> None:
        """Write the package; safe in any thread.

        Raises
        ------
        UserError
            As `write_package`.
        """
        from napari_unet.formats.axes import match_channels
        from napari_unet.workflow.zoo.package import write_package

        pixels = self.image.plane(self.plane, self.channels)
        n_channels = self.current.description.network.in_channels
        sample = match_channels(pixels, n_channels, f"“{self.image.name}”")
        write_package(self.current.model, about, sample, path, self.image.pixel_size_um)


def about_of(name: str, description: str, authors: str, license_name: str, dois: str, notes: str) -> About:
    """Return what was typed in, as a package wants it.

    Parameters
    ----------
    authors, dois
        Separated by semicolons or line ends; DOIs by commas or spaces as well.

    Raises
    ------
    UserError
        In one sentence, what is missing or can't be meant so.
    """
    from napari_unet.workflow.zoo.about import About, cited
    from napari_unet.workflow.zoo.package import check_about

    people = tuple(part.strip() for part in authors.replace("\n", ";").split(";") if part.strip())
    about = About(
        name.strip(), people, license_name.strip(), description.strip(), cited(_words(dois)), notes.strip()
    )
    check_about(about)
    return about


def _words(text: str) -> Sequence[str]:
    return [part for part in text.replace(",", " ").replace(";", " ").split() if part]
