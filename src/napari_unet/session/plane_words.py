"""What there is to say about a segmentation of many planes, in as few sentences as about one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from napari_unet.session.image import Plane

if TYPE_CHECKING:
    from napari_unet.workflow import Segmented


class PlaneWords:
    """Collects the sentences of planes as they come.

    That a plane is empty is said only where all of them are: of a stack, the first and last ones often are.
    """

    def __init__(self) -> None:
        self.found_any = False
        self._sentences: list[str] = []
        self._why_empty: list[str] = []

    def take(self, result: Mapping[Plane, Segmented]) -> None:
        """Take the sentences of planes."""
        for segmented in result.values():
            found = bool(segmented.labels.any())
            self.found_any = self.found_any or found
            said = list(segmented.sentences)
            if not found and said:
                self._why_empty.append(said.pop())
            self._sentences += [sentence for sentence in said if sentence not in self._sentences]

    def all(self) -> list[str]:
        """Return what there is to say about all planes that came."""
        return self._sentences + ([] if self.found_any else self._why_empty[:1])
