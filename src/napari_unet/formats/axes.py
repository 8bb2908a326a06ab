"""Axes of arrays as letters, and the way from any of them to the network's ``CYX``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.errors import UserError

_USUAL = "ABTZYX"
"""The last ones, where nobody said what the axes are."""

_WORDS = {"time": "T", "frame": "T", "frames": "T", "depth": "Z", "plane": "Z", "channel": "C", "position": "P",
          "row": "Y", "rows": "Y", "column": "X", "columns": "X"}  # fmt: skip


def guess_axes(array: Any, rgb: bool = False) -> str:
    """Name the axes of an array that nobody named: ``YX`` last, or ``YXS`` for RGB, planes before.

    Parameters
    ----------
    array : array
        Of numpy or Zarr: only its shape is looked at.
    rgb : bool
        The last axis holds red, green, blue (and alpha).

    Raises
    ------
    UserError
        If there are fewer than two axes of pixels, or more planes than letters.
    """
    planes_before = {0: "", 1: "Z", 2: "TZ"}.get(len(array.shape) - 2 - int(rgb))
    if planes_before is None:
        raise UserError(
            f"An image has two axes and at most two of planes; this array has the shape {array.shape}."
        )
    return planes_before + ("YXS" if rgb else "YX")


def check_axes(axes: str, shape: Sequence[int]) -> str:
    """Return what a person called the axes of an array as capital letters, one per axis.

    Parameters
    ----------
    axes : str
        Such as ``"TZYX"`` or ``"t, z, y, x"``: T time, Z depth, C channels, S colours, Y rows, X columns; any other
        letter, such as P for positions, names planes that have nothing to do with one another.
    shape : sequence of int
        Of the array.

    Raises
    ------
    UserError
        If there are more or fewer of them than axes, one comes twice, or Y or X is missing.
    """
    letters = "".join(axes.replace(",", " ").split()).upper()
    size = " × ".join(map(str, shape))
    if not letters.isascii() or not letters.isalpha():
        raise UserError(f"The axes “{axes}” are no letters; name each axis by one, such as TZYX.")
    if len(letters) != len(shape):
        raise UserError(f"“{letters}” names {len(letters)} axes; the image has {len(shape)} ({size}).")
    if len(set(letters)) < len(letters) or not {"Y", "X"} <= set(letters):
        raise UserError(
            f"“{letters}” must name each axis once, with Y for rows and X for columns among them."
        )
    return letters


def letters_of(labels: Sequence[str], n: int) -> str:
    """Return n axes as letters: as the labels say, or else as usual.

    Parameters
    ----------
    labels : sequence of str
        Letters or words such as ``"time"``; napari's own ``"axis -3"`` says nothing.
    """
    return _as_letters(labels) if says_axes(labels) and len(labels) == n else _USUAL[-n:]


def says_axes(labels: Sequence[str]) -> bool:
    """Tell whether somebody named all axes, rows and columns last."""
    said = _as_letters(labels)
    return (
        len(said) == len(labels) == len(set(said))
        and said.isascii()
        and said.isalpha()
        and said.endswith("YX")
    )


def _as_letters(labels: Sequence[str]) -> str:
    return "".join(_WORDS.get(label.lower(), label).upper() for label in labels)


def to_channels_first(array: NDArray[Any], axes: str | None = None, rgb: bool = False) -> NDArray[Any]:
    """Bring one plane into the order ``CYX``.

    Parameters
    ----------
    array : array
        ``YX``, with a channel axis ``C`` or samples ``S`` (RGB) anywhere, and any other axis of length 1.
    axes : str, optional
        One letter per axis; by default ``YX``, ``YXS`` with `rgb`, or ``CYX`` for three axes.
    rgb : bool
        Alpha, when there, is the fourth (RGBA) or second (grey and alpha) sample, and is dropped. Implied by
        an ``S`` in `axes`.

    Returns
    -------
    (C, Y, X) array
        A view where possible.

    Raises
    ------
    UserError
        If the axes do not fit the array, or there is more than one plane.
    """
    if axes is None:
        axes = "YXS" if rgb else {2: "YX", 3: "CYX"}.get(array.ndim, "")
    if len(axes) != array.ndim or len(set(axes)) != len(axes) or not {"Y", "X"} <= set(axes):
        raise UserError(
            f"The axes “{axes}” do not fit an image of shape {array.shape}: "
            "name each axis once, Y and X among them."
        )
    for axis in [a for a in axes if a not in "CSYX"]:
        k = axes.index(axis)
        if array.shape[k] != 1:
            raise UserError(
                f"This image has {array.shape[k]} planes along {axis}; choose one, "
                "for the network sees one plane at a time."
            )
        array, axes = array.take(0, axis=k), axes.replace(axis, "")
    if "S" in axes:
        array = np.moveaxis(array, axes.index("S"), 0)
        axes = "S" + axes.replace("S", "")
        array = _without_alpha(array)
    if "C" in axes:
        array = np.moveaxis(array, axes.index("C"), 0)
        axes = "C" + axes.replace("C", "")
    if axes[-2:] == "XY":
        array = np.swapaxes(array, -2, -1)
    height, width = array.shape[-2:]
    return array.reshape(-1, height, width)


def planes(array: NDArray[Any], axes: str) -> Iterator[tuple[tuple[int, ...], NDArray[Any]]]:
    """Go through the planes of an image, each as ``CYX``.

    Parameters
    ----------
    array : array
    axes : str
        One letter per axis.

    Yields
    ------
    index : tuple of int
        Position along the axes that are neither C, S, Y nor X; empty for a single image.
    plane : (C, Y, X) array
    """
    stacked = [k for k, axis in enumerate(axes) if axis not in "CSYX"]
    rest = "".join(axis for axis in axes if axis in "CSYX")
    moved = np.moveaxis(array, stacked, range(len(stacked)))
    for index in np.ndindex(*moved.shape[: len(stacked)]):
        yield index, to_channels_first(moved[index], rest)


def plane_axes(axes: str) -> str:
    """Return the axes along which there are planes, such as ``"TZ"``."""
    return "".join(axis for axis in axes if axis not in "CSYX")


def match_channels(image: NDArray[Any], n_channels: int, name: str) -> NDArray[Any]:
    """Give an image as many channels as the network has; a grey image serves as RGB.

    Parameters
    ----------
    image : (C, Y, X) array
    n_channels : int
        Channels that the network wants.
    name : str
        What to call the image in the error.

    Raises
    ------
    UserError
        If the image has another number of channels.
    """
    if image.shape[0] == n_channels:
        return image
    if image.shape[0] == 1 and n_channels == 3:
        return np.repeat(image, 3, axis=0)
    raise UserError(
        f"{name} has {image.shape[0]} channel(s) and the network wants {n_channels}; "
        "use images of the kind that it was trained on."
    )


def _without_alpha(samples: NDArray[Any]) -> NDArray[Any]:
    """Drop the alpha of SYX: the fourth of four samples, the second of two."""
    return samples[:-1] if samples.shape[0] in (2, 4) else samples
