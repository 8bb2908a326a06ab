"""What was said about objects, as features of their layer: napari shows them under the mouse."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from napari_unet.session.notes import ObjectNotes


def features_of(notes: ObjectNotes, values: Sequence[int], class_names: Sequence[str]) -> pd.DataFrame:
    """Return one line per object, empty where nothing was said about any.

    Parameters
    ----------
    values
        The objects that there are.
    class_names
        The first name is that of class 1, which objects without a class count as.
    """
    if not class_names and not notes.complete:
        return pd.DataFrame({"index": []})
    table: dict[str, list[object]] = {"index": list(values)}
    if class_names:
        names = dict(enumerate(class_names, start=1))
        numbers = [notes.classes.get(value, 1) for value in values]
        table["class"] = [names.get(number, f"class {number}") for number in numbers]
    table["said to be complete"] = ["yes" if value in notes.complete else "no" for value in values]
    return pd.DataFrame(table)
