"""Tables of measurements as CSV and Parquet."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import UserError
from napari_unet.formats.atomic import replace_whole

Table = Mapping[str, Sequence[Any] | np.ndarray]


def write_table(path: Path | str, columns: Table) -> None:
    """Write columns as CSV with one line of headings, or as Parquet; whole or not at all.

    Parameters
    ----------
    path : Path or str
        ``.parquet``, or anything else for CSV; an older file is replaced.
    columns : mapping of str to sequence
        All of one length. In CSV floats are written with seven digits, NaN as an empty cell, truth as 0 and 1.

    Raises
    ------
    UserError
        If the columns differ in length, the file can't be written, or the package for Parquet is missing.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise UserError(f"The columns of a table must be equally long; these are {lengths}.")
    if Path(path).suffix.lower() == ".parquet":
        _write_parquet(path, columns)
        return
    with replace_whole(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in zip(*columns.values(), strict=True):
            writer.writerow([_cell(value) for value in row])


def _write_parquet(path: Path | str, columns: Table) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UserError(
            f"{path} is Parquet, which needs one more package: pip install pyarrow; or write CSV."
        ) from None
    table = pyarrow.table({name: pyarrow.array(np.asarray(values)) for name, values in columns.items()})
    with replace_whole(path) as temporary:
        pyarrow.parquet.write_table(table, str(temporary))


def _cell(value: Any) -> str | int:
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.7g}"
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return int(value)
    return str(value)
