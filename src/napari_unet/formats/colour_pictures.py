"""Pictures in which every value has a colour of its own, as PNG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_unet.formats.atomic import replace_whole


def write_coloured(path: Path | str, values: NDArray[np.uint8], colours: Mapping[int, str]) -> None:
    """Write a picture of a few values, each in its colour, on black.

    Parameters
    ----------
    path : Path or str
        ``.png``; an older file is replaced.
    values : uint8 array (Y, X)
        Kept in the file, too: its pixels are indices into a palette.
    colours : mapping of int to str
        Value → ``"#rrggbb"``.

    Raises
    ------
    UserError
        If the file can't be written.
    """
    palette = bytearray(3 * 256)
    for value, colour in colours.items():
        palette[3 * value : 3 * value + 3] = bytes.fromhex(colour.removeprefix("#"))
    picture = Image.fromarray(np.ascontiguousarray(values))
    picture.putpalette(bytes(palette))
    with replace_whole(path) as temporary:
        picture.save(temporary, format="PNG")
