"""Where a training image lies in the image that it was cut and resampled from."""

from __future__ import annotations

from dataclasses import dataclass

from napari_unet.network.held_out import HeldOutPlace
from napari_unet.network.scaling import scaled_shape


@dataclass(frozen=True)
class Frame:
    """Where a training image lies in the image that it was cut and resampled from."""

    name: str
    box: tuple[int, int, int, int]
    scale: float

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the training image in px at network scale."""
        y0, y1, x0, x1 = self.box
        return scaled_shape((y1 - y0, x1 - x0), self.scale)

    def to_image(self, place: HeldOutPlace) -> HeldOutPlace:
        """Return a place given at network scale in px of the whole image: all pixels that it touches."""
        top, bottom, left, right = self.box
        y0, y1, x0, x1 = place.box
        height, width = self.shape
        rows = _stretch(y0, y1, bottom - top, height)
        columns = _stretch(x0, x1, right - left, width)
        return HeldOutPlace(place.image, (top + rows[0], top + rows[1], left + columns[0], left + columns[1]))

    def from_image(self, place: HeldOutPlace) -> HeldOutPlace | None:
        """Return a place of the whole image at network scale, ``None`` where it lies outside of this frame.

        All pixels that it touches: rounded down, its last ones would be trained on.
        """
        top, bottom, left, right = self.box
        y0, y1 = (min(max(y, top), bottom) - top for y in place.box[:2])
        x0, x1 = (min(max(x, left), right) - left for x in place.box[2:])
        if y1 <= y0 or x1 <= x0:
            return None
        height, width = self.shape
        rows, columns = _stretch(y0, y1, height, bottom - top), _stretch(x0, x1, width, right - left)
        return HeldOutPlace(place.image, (*rows, *columns))


def _stretch(start: int, stop: int, to: int, of: int) -> tuple[int, int]:
    """Return the span, on an axis of ``to`` px instead of ``of``, of all pixels that this one touches."""
    return start * to // of, -(-stop * to // of)
