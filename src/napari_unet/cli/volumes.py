"""What the shell says of stacks that a network of volumes learns from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_unet.cli.console import tell
from napari_unet.errors import UserError

if TYPE_CHECKING:
    from napari_unet.workflow import AnnotatedImage


def check_plane_distance(distance: float | None) -> None:
    """Refuse a distance that is none."""
    if distance is not None and not (math.isfinite(distance) and distance > 0):
        raise UserError(f"--plane-distance must be above 0; it is {distance}.")


def tell_of_distances(annotated: Sequence[AnnotatedImage]) -> None:
    """Say where nobody told how far apart planes are."""
    unknown = [plane.picture for plane in annotated if plane.stack is not None and plane.stack.step is None]
    if unknown:
        tell(
            f"{unknown[0]} does not say how far apart its planes are: they are taken to be as far apart as pixels. "
            "Tell it with --plane-distance."
        )
