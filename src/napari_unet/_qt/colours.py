"""Colours that people with colour-blindness can tell apart, after Okabe and Ito (2008)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from napari.utils.colormaps import Colormap, CyclicLabelColormap

BACKGROUND = "#0072b2"
"""Blue, and used for nothing else: what was painted as background."""

OBJECTS = (
    "#e69f00",
    "#56b4e9",
    "#f0e442",
    "#cc79a7",
    "#d55e00",
    "#009e73",
    "#ffd28a",
    "#f7b6d8",
    "#a8e05f",
    "#b15928",
    "#7fe0d0",
    "#b39ddb",
)
"""Orange, sky, yellow, pink, vermilion, green, then others: neighbours differ in lightness too."""

CLASSES = ("#e69f00", "#cc79a7", "#009e73", "#f0e442", "#d55e00", "#56b4e9", "#a8e05f", "#b39ddb")

# napari repeats a cyclic colour map; so long a cycle lets no object share the colour of the background.
_LENGTH = 60_000


def annotation_colours() -> CyclicLabelColormap:
    """Return the colours of an annotation: 0 clear, 1 blue, objects in turn."""
    return _cycle([BACKGROUND], OBJECTS)


def class_colours(colours: tuple[str, ...] | list[str]) -> CyclicLabelColormap:
    """Return the colours of an annotation of classes: 0 clear, 1 blue, then one per class."""
    return _cycle([BACKGROUND, *colours], CLASSES)


def kind_colours(classes: Mapping[int, int], colours: Sequence[str]) -> CyclicLabelColormap:
    """Return the colours of an annotation of objects that have the colours of their classes.

    Parameters
    ----------
    classes
        Value of an object → its class (1, 2, …); all others are of class 1.
    colours
        One per class.
    """
    table = np.array([_rgba(colour) for colour in colours], dtype=np.float32)
    shown = np.tile(table[:1], (_LENGTH, 1))
    shown[0], shown[1] = _rgba("#000000", 0.0), _rgba(BACKGROUND)
    for value, number in classes.items():
        if value < _LENGTH and number <= len(table):
            shown[value] = table[number - 1]
    return CyclicLabelColormap(colors=shown)


def segmentation_colours() -> CyclicLabelColormap:
    """Return the colours of found objects: 0 clear, objects in turn."""
    return _cycle([], OBJECTS)


def found_class_colours(colours: tuple[str, ...] | list[str]) -> CyclicLabelColormap:
    """Return the colours of a class map: 0 clear, then one per class."""
    return _cycle(list(colours), CLASSES)


def class_colour(index: int) -> str:
    """Return the colour that class number `index` (from 0) starts with."""
    return CLASSES[index % len(CLASSES)]


def veil(name: str, colour: str) -> Colormap:
    """Return one colour that comes out of nothing: it shows on dark and on bright images."""
    steps = np.array([_rgba(colour, alpha) for alpha in np.linspace(0, 1, 17)], dtype=np.float32)
    return Colormap(steps, name=name, display_name=name)


def _cycle(first: list[str], then: tuple[str, ...]) -> CyclicLabelColormap:
    start = [_rgba("#000000", 0.0), *(_rgba(colour) for colour in first)]
    palette = np.array([_rgba(colour) for colour in then], dtype=np.float32)
    repeats = -(-(_LENGTH - len(start)) // len(palette))
    colours = np.concatenate([np.array(start, dtype=np.float32), np.tile(palette, (repeats, 1))])[:_LENGTH]
    return CyclicLabelColormap(colors=colours)


def _rgba(colour: str, alpha: float = 1.0) -> tuple[float, float, float, float]:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue, alpha
