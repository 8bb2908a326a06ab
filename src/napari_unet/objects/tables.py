"""Numbers of every object, as columns."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from skimage.measure import regionprops_table

from napari_unet.objects.overlaps import IntArray

Columns = dict[str, npt.NDArray[Any]]
Labels = TypeVar("Labels", bound=npt.NDArray[Any])

SHAPES = (
    "label", "area", "equivalent_diameter_area", "centroid", "eccentricity", "solidity", "perimeter",
    "axis_major_length", "axis_minor_length", "orientation",
)  # fmt: skip
NAMES = {
    "equivalent_diameter_area": "equivalent_diameter",
    "centroid-0": "centroid-y",
    "centroid-1": "centroid-x",
}


def measure_objects(
    labels: IntArray,
    image: npt.NDArray[Any] | None = None,
    pixel_size_um: float | tuple[float, float] | None = None,
) -> Columns:
    """Measure every object.

    Parameters
    ----------
    labels : integer array (Y, X)
        0 is background.
    image : array (C, Y, X) or (Y, X), optional
        Grey values to average; not finite ones are left out.
    pixel_size_um : float or (float, float), optional
        Size of a pixel, or its height and width.

    Returns
    -------
    dict
        One column per measure, one row per object in the order of their numbers: ``label``, ``area`` (px²),
        ``equivalent_diameter`` (px), ``centroid-y``, ``centroid-x`` (px), ``eccentricity``, ``solidity``,
        ``perimeter`` (px), ``axis_major_length``, ``axis_minor_length`` (px), ``orientation`` (radians from the
        rows' axis, -π/2 to π/2), ``cut_by_edge`` (bool: the image's edge cuts the object), per channel
        ``intensity_mean-0``, ``intensity_std-0``, ``intensity_min-0``, ``intensity_max-0``, ``intensity_sum-0``;
        with a pixel size also ``area_um2``, ``equivalent_diameter_um``, ``centroid-y_um``, ``centroid-x_um``, and
        ``perimeter_um``, ``axis_major_length_um``, ``axis_minor_length_um`` where pixels are square.
    """
    found = regionprops_table(labels, properties=SHAPES)
    columns: Columns = {NAMES.get(name, name): np.asarray(values) for name, values in found.items()}
    columns["cut_by_edge"] = np.isin(columns["label"], _at_edge(labels))
    if image is not None:
        for channel, plane in enumerate(image if image.ndim == 3 else image[None]):
            columns |= _measure_intensities(labels, columns["label"], plane, channel)
    if pixel_size_um is not None:
        columns |= _convert(columns, pixel_size_um)
    return columns


def measure_planes(
    labels: IntArray,
    image_of: Callable[[tuple[int, ...]], npt.NDArray[Any] | None],
    pixel_size_um: float | tuple[float, float] | None = None,
    extra: Callable[[tuple[int, ...], npt.NDArray[Any]], Columns] | None = None,
) -> Columns:
    """Measure every object on every plane, as `measure_objects`; columns ``plane-0``, … say where, in a stack.

    Parameters
    ----------
    labels : integer array (…, Y, X)
    image_of : callable
        Returns the grey values (C, Y, X) of a plane, or None.
    extra : callable, optional
        Returns further columns for a plane and the numbers of its objects.

    Returns
    -------
    dict
        Empty where there is no object.
    """
    tables: list[Columns] = []
    for plane in np.ndindex(*labels.shape[:-2]):
        if labels[plane].any():
            table = measure_objects(labels[plane], image_of(plane), pixel_size_um)
            where = {f"plane-{i}": np.full(table["label"].size, index) for i, index in enumerate(plane)}
            tables.append(where | table | (extra(plane, table["label"]) if extra is not None else {}))
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]} if tables else {}


def without_cut_objects(labels: Labels) -> Labels:
    """Return a copy of labels (…, Y, X) without the objects that the edge of their plane cuts."""
    whole = labels.copy()
    for plane in np.ndindex(*labels.shape[:-2]):
        whole[plane][np.isin(whole[plane], _at_edge(whole[plane]))] = 0
    return whole


def _at_edge(labels: IntArray) -> npt.NDArray[Any]:
    """Return the values along the edge of a plane, each once."""
    return np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))


def likeliest_classes(
    labels: IntArray, numbers: npt.NDArray[Any], probabilities: npt.NDArray[Any]
) -> npt.NDArray[np.int64]:
    """Return the class (1, 2, …) of every object: the one that is likeliest on average over its pixels.

    Parameters
    ----------
    labels : integer array (Y, X)
        0 is background.
    numbers : integer array (n,)
        The objects, in rising order.
    probabilities : float array (K, Y, X)
        Class 0 is background.
    """
    inside = labels > 0
    row = np.searchsorted(numbers, labels[inside])
    sums = [
        np.bincount(row, weights=plane[inside].astype(np.float64), minlength=numbers.size)
        for plane in probabilities[1:]
    ]
    likeliest: npt.NDArray[np.int64] = np.argmax(sums, axis=0) + 1
    return likeliest


def most_frequent_values(
    labels: IntArray, numbers: npt.NDArray[Any], values: IntArray
) -> npt.NDArray[np.int64]:
    """Return for every object the value, 0 or more, that most of its pixels have in another image."""
    inside = labels > 0
    row = np.searchsorted(numbers, labels[inside])
    pairs, counts = np.unique(np.stack([row, values[inside]]), axis=1, return_counts=True)
    order = np.argsort(counts, kind="stable")  # the most frequent one is written last
    found = np.zeros(numbers.size, np.int64)
    found[pairs[0, order]] = pairs[1, order]
    return found


def _measure_intensities(
    labels: IntArray, numbers: npt.NDArray[Any], plane: npt.NDArray[Any], channel: int
) -> Columns:
    inside = (labels > 0) & np.isfinite(plane)
    row = np.searchsorted(numbers, labels[inside])
    values = plane[inside].astype(np.float64)
    n = np.bincount(row, minlength=numbers.size)
    lowest, highest = np.full(numbers.size, np.inf), np.full(numbers.size, -np.inf)
    np.minimum.at(lowest, row, values)
    np.maximum.at(highest, row, values)
    nothing = n == 0
    lowest[nothing] = highest[nothing] = np.nan
    total = np.bincount(row, weights=values, minlength=numbers.size)
    mean = np.divide(total, n, out=np.full(numbers.size, np.nan), where=~nothing)
    with np.errstate(over="ignore"):  # numbers near the largest that there are have no spread
        spread = np.bincount(row, weights=(values - mean[row]) ** 2, minlength=numbers.size)
    deviation = np.sqrt(np.divide(spread, n, out=np.full(numbers.size, np.nan), where=~nothing))
    found = {"mean": mean, "std": deviation, "min": lowest, "max": highest, "sum": total}
    return {f"intensity_{name}-{channel}": column for name, column in found.items()}


def _convert(columns: Columns, pixel_size_um: float | tuple[float, float]) -> Columns:
    height, width = np.broadcast_to(np.asarray(pixel_size_um, np.float64), 2)
    area = columns["area"] * height * width
    converted: Columns = {
        "area_um2": area,
        "equivalent_diameter_um": np.sqrt(4 * area / np.pi),
        "centroid-y_um": columns["centroid-y"] * height,
        "centroid-x_um": columns["centroid-x"] * width,
    }
    if np.isclose(height, width):
        for length in ("perimeter", "axis_major_length", "axis_minor_length"):
            converted[f"{length}_um"] = columns[length] * width
    return converted
