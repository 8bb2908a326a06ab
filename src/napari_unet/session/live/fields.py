"""What a network saw, kept within bounds as long as its weights and its scale are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_unet.session.live.view import Place

if TYPE_CHECKING:
    from napari_unet.workflow.fields import Field

MOST_BYTES = 384 * 1024**2
"""Memory that fields take: some twenty of 512²."""


class Fields:
    """Fields in the order in which they were used last; the oldest make room."""

    def __init__(self) -> None:
        self._kept: list[Field] = []
        self._by: object = None

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def n_bytes(self) -> int:
        """Memory that they take."""
        return sum(field.n_bytes for field in self._kept)

    def seen_by(self, what: object) -> bool:
        """Forget all fields unless this is what saw them: weights, scale, image, channels; tell whether it is not."""
        other = what != self._by
        if other:
            self._kept.clear()
            self._by = what
        return other

    def add(self, field: Field) -> None:
        """Keep a field."""
        self._kept.append(field)
        while len(self._kept) > 1 and self.n_bytes > MOST_BYTES:
            self._kept.pop(0)

    def find(self, place: Place) -> Field | None:
        """Return the field that covers a place with the fewest pixels, as long as it is not much too large."""
        fitting = [f for f in self._kept if f.covers(place.plane, place.box, place.reduction)]
        fitting = [f for f in fitting if f.reduction <= 1.2 * place.reduction]
        if not fitting:
            return None
        best = min(fitting, key=lambda field: field.n_bytes)
        self._kept.remove(best)
        self._kept.append(best)
        return best

    def all(self) -> list[Field]:
        """Return all fields, those used last at the end."""
        return list(self._kept)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
