"""What was said about objects, as features of their layer: napari shows them under the mouse."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from napari.layers import Labels

from napari_unet.annotation.boxes import values_present
from napari_unet.annotation.coding import FIRST, LabelsAre
from napari_unet.objects.edit import Change
from napari_unet.objects.tables import Columns
from napari_unet.session.notes import ObjectNotes
from napari_unet.session.painting import Painting


def describe(layer: Labels, painting: Painting, listed: bool = False) -> bool:
    """Give a layer of objects the features of all that are painted; tell whether they list all objects now.

    Parameters
    ----------
    listed
        They did before, so that nobody has to look through the annotation: that takes long.
    """
    if painting.labels_are is not LabelsAre.OBJECTS or not _has_any(layer, painting):
        return False
    notes = painting.notes
    values = (
        sorted({*map(int, layer.features["index"]), *notes.classes, *notes.complete})
        if listed
        else values_present(painting.labels).tolist()
    )
    layer.features = features_of(notes, values)
    return bool(notes.class_names or notes.complete)


def describe_new(layer: Labels, painting: Painting, change: Change) -> None:
    """Give a layer of objects the features of those that a change brings."""
    if painting.labels_are is not LabelsAre.OBJECTS or not _has_any(layer, painting):
        return
    known = set(layer.features["index"]) if "index" in layer.features else set()
    new = [int(v) for v in np.unique(change.new) if v >= FIRST and int(v) not in known]
    if new:
        layer.features = pd.concat([layer.features, features_of(painting.notes, new)], ignore_index=True)


def _has_any(layer: Labels, painting: Painting) -> bool:
    return bool(painting.class_names or painting.marked or len(layer.features))


def features_of(notes: ObjectNotes, values: Sequence[int]) -> pd.DataFrame:
    """Return one line per object, empty where nothing was said about any.

    Parameters
    ----------
    values
        The objects that there are. Those without a class count as the first one.
    """
    if not notes.class_names and not notes.complete:
        return pd.DataFrame({"index": []})
    table: dict[str, list[object]] = {"index": list(values)}
    if notes.class_names:
        names = dict(enumerate(notes.class_names, start=1))
        numbers = [notes.classes.get(value, 1) for value in values]
        table["class"] = [names.get(number, f"class {number}") for number in numbers]
    table["said to be complete"] = ["yes" if value in notes.complete else "no" for value in values]
    return pd.DataFrame(table)


def measured_features(table: Columns, plane: tuple[int, ...]) -> pd.DataFrame:
    """Return the measurements of the objects on one plane, one line each."""
    here = np.ones(len(table["label"]), bool)
    for axis, at in enumerate(plane):
        here &= table[f"plane-{axis}"] == at
    named = {"label": "index"}
    return pd.DataFrame(
        {
            named.get(name, name): values[here]
            for name, values in table.items()
            if not name.startswith("plane-")
        }
    )
