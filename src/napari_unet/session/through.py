"""Along which axes objects of different planes are one."""

from __future__ import annotations

from enum import StrEnum

from napari_unet.session.image import ImageSource


class Through(StrEnum):
    """Along which axes objects of different planes are one."""

    NOTHING = "nothing"
    DEPTH = "depth"
    TIME = "time"
    BOTH = "both"


def choices_for(image: ImageSource) -> list[Through]:
    """Return along which axes an image's planes can be linked."""
    depth, time = axes_of(Through.BOTH, image)
    found = [Through.NOTHING]
    found += [Through.DEPTH] if depth is not None else []
    found += [Through.TIME] if time is not None else []
    return [*found, Through.BOTH] if len(found) == 3 else found


def axes_of(through: Through, image: ImageSource) -> tuple[int | None, int | None]:
    """Return which leading axes are depth and time, as far as they are to be linked along."""
    leading = image.axes[:-2]
    depth = leading.find("Z") if through in (Through.DEPTH, Through.BOTH) else -1
    time = leading.find("T") if through in (Through.TIME, Through.BOTH) else -1
    found = [axis if axis >= 0 and image.spatial_shape[axis] > 1 else None for axis in (depth, time)]
    return found[0], found[1]
