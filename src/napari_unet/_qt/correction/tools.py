"""Which tools there are, their keys, and how each is used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tool:
    """One tool of the Correct step.

    Attributes
    ----------
    key
        Of napari's Labels layer and viewer none uses it.
    tooltip
        What it is for.
    how
        What to do with the mouse, shown while it is chosen.
    draws_loop
        Whether a drag encloses something instead of running through it.
    single_objects
        Whether it makes no sense where classes are painted.
    across_planes
        Whether its clicks go on different planes of a stack.
    """

    name: str
    key: str
    tooltip: str
    how: str
    draws_loop: bool = False
    single_objects: bool = True
    across_planes: bool = False


MERGE = Tool(
    "Merge",
    "J",
    "Join objects that are one.",
    "Draw a line through the pieces that are one object, or click on one and then on the other.",
)
SPLIT = Tool(
    "Split",
    "S",
    "Cut an object that is two.",
    "Draw a line where the cut shall be, or click into one half and then into the other.",
)
DELETE = Tool(
    "Delete",
    "D",
    "Erase objects that are none: background enters the annotation there.",
    "Click on an object, or draw a loop around several.",
    draws_loop=True,
    single_objects=False,
)
SMOOTH = Tool(
    "Smooth",
    "T",
    "Fill the holes of objects and tidy their outlines.",
    "Click on an object, or draw a line through several.",
    single_objects=False,
)
NEW = Tool(
    "New",
    "N",
    "Make an object that the network missed; its outline snaps to the network's probability.",
    "Click into the middle of what was missed, or draw a loose circle around it.",
    draws_loop=True,
)
CLASS = Tool(
    "Class",
    "C",
    "Give objects another class. Classes are named in step 2.",
    "Choose the class, then click on objects.",
    single_objects=False,
)

BETWEEN = Tool(
    "Between",
    "I",
    "Draw an object on the planes between two on which it is right, from its outlines there.",
    "Click on the object on one plane, go to another plane, and click on it there.",
    across_planes=True,
)

TOOLS = (MERGE, SPLIT, DELETE, SMOOTH, NEW, CLASS, BETWEEN)
