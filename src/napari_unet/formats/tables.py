"""Tables of measurements as CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import UserError
from napari_unet.formats.atomic import replace_whole


def write_table(path: Path | str, columns: Mapping[str, Sequence[Any] | np.ndarray]) -> None:
    """Write columns as CSV with one line of headings; whole or not at all.

    Parameters
    ----------
    path : Path or str
        ``.csv``; an older file is replaced.
    columns : mapping of str to sequence
        All of one length. Floats are written with seven digits, NaN as an empty cell, truth as 0 and 1.

    Raises
    ------
    UserError
        If the columns differ in length, or the file can't be written.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise UserError(f"The columns of a table must be equally long; these are {lengths}.")
    with replace_whole(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow([_cell(value) for value in row])


def _cell(value: Any) -> str | int:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.7g}"
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return int(value)
    return str(value)
