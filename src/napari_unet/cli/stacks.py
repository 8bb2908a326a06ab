"""What the shell says of files of many planes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from napari_unet.errors import UserError

if TYPE_CHECKING:
    from napari_unet.workflow.stack_files import StackSettings


class Link(StrEnum):
    """Along which axes planes are linked."""

    NONE = "none"
    DEPTH = "z"
    TIME = "t"
    BOTH = "zt"


def stack_settings(axes: str | None, link: Link, least_overlap: float | None) -> StackSettings:
    """Return how files of many planes are taken.

    Raises
    ------
    UserError
        If a number makes no sense.
    """
    from napari_unet.objects.linking import LinkSettings
    from napari_unet.workflow.stack_files import StackSettings

    if least_overlap is not None and not 0 < least_overlap <= 1:
        raise UserError(f"--least-overlap lies between 0 and 1; it is {least_overlap}.")
    both = {"least_overlap": least_overlap, "least_overlap_in_time": least_overlap} if least_overlap else {}
    return StackSettings(axes, "" if link is Link.NONE else link.value.upper(), LinkSettings(**both))
