"""What must be in a project whose process was killed: the rounds, and no file that is half written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from napari_unet.project import KeptRound, Project
from napari_unet.project.disk import UNFINISHED

ROUNDS = 5.0
"""Seconds after which a round must be there: its weights wait in a line behind strokes."""


def times(said: list[dict[str, Any]], what: str) -> dict[int, float]:
    """Return when the process said that it did something, by its number."""
    return {line["number"]: line["time"] for line in said if line["what"] == what}


def check_strokes(n_painted: int, said: list[dict[str, Any]], done: dict[int, float], before: float) -> None:
    """Check that all strokes are there from before the process began, and all that were done `before` then."""
    begun = said[0]["painted"]
    old = [number for number, at in done.items() if at < before]
    assert n_painted > max([begun - 1, *old]), "strokes are lost"
    assert n_painted <= begun + len(times(said, "paint"))


def check_rounds(project: Project, said: list[dict[str, Any]], before: float) -> list[KeptRound]:
    """Check that all rounds are there that were, and all that were trained `before` then; return them."""
    kept, sentences = project.rounds.all()
    assert sentences == []
    assert [one.document.number for one in kept] == list(range(1, len(kept) + 1))
    old = [number for number, at in times(said, "trained").items() if at < before]
    assert len(kept) >= max([said[0]["rounds"], *old]), "rounds are lost"
    for one in kept[-3:]:
        weights = one.load().network.state_dict().values()
        assert all(bool(torch.isfinite(tensor).all()) for tensor in weights)
    return kept


def check_files(folder: Path) -> None:
    """Check that every document can be read, and that nothing unfinished was left."""
    for path in folder.rglob("*.json"):
        json.loads(path.read_bytes())
    assert not [path for path in folder.rglob("*") if path.name.endswith(UNFINISHED)]
