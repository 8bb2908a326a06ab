"""Versions of a project's documents, and the steps from each version to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

from pydantic import JsonValue

SCHEMA: Final = 2
"""The version that is written. Documents of a newer one are refused, those of an older one are brought up to it.

1. ``image.json`` did not say of which version it is, and had ``channel_names``, which nothing ever filled.
2. Every document says it.
"""

What = Literal["project", "image", "state", "round", "revision"]
"""Which document: ``project.json``, an image's ``image.json`` and ``state.json``, ``rounds/0001.json``,
``revisions/NAME.json``."""

Fields = dict[str, JsonValue]
Step = Callable[[What, Fields], Fields]


def _without_channel_names(what: What, fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if (what, name) != ("image", "channel_names")}


STEPS: Mapping[int, Step] = {1: _without_channel_names}
"""From version n to n + 1. A step sees one document at a time, so that each can be replaced whole on the disk."""


def brought_up(what: What, fields: Fields, version: int) -> Fields:
    """Return what a document of an older version says in this one's words."""
    for number in range(version, SCHEMA):
        fields = STEPS[number](what, fields)
    return {**fields, "schema_version": SCHEMA}
