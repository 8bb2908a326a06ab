"""Which blocks are done: one line each, on disk before the next one begins, so that a crash costs one block."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from napari_unet.errors import UserError
from napari_unet.formats.ome_pyramid import not_written
from napari_unet.workflow.blocks.grid import Index

NAME = "journal.jsonl"


@dataclass
class Journal:
    """What was done so far.

    Attributes
    ----------
    made_with
        Settings, network and image: only what is equal in all of it is gone on with.
    plan
        The plan, with the sizes of tiles and blocks.
    done
        Blocks whose labels are on disk.
    next_number
        The first object number that no block has used.
    same
        Pairs of numbers that turned out to be one object.
    """

    path: Path
    made_with: dict[str, Any]
    plan: dict[str, Any]
    done: set[Index] = field(default_factory=set)
    next_number: int = 1
    same: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def begin(cls, folder: Path, made_with: dict[str, Any], plan: dict[str, Any]) -> Journal:
        """Begin a new one; the folder counts as ours from now on."""
        journal = cls(folder / NAME, made_with, plan)
        journal._append({"made_with": made_with, "plan": plan})
        journal._append(_us())
        return journal

    @classmethod
    def read(cls, folder: Path) -> Journal | None:
        """Read what an earlier process has written and go on with it; ``None`` where there is nothing whole.

        Raises
        ------
        UserError
            When that process is still at work.
        """
        path = folder / NAME
        try:
            lines = path.read_bytes().split(b"\n")
            entries = [json.loads(line) for line in lines[:-1]]  # what a crash has torn has no end of line
            journal = cls(path, entries[0]["made_with"], entries[0]["plan"])
        except (OSError, ValueError, LookupError, TypeError):
            return None
        process: dict[str, Any] = {}
        for entry in entries[1:]:
            if "block" in entry:
                row, column = entry["block"]
                journal.note(int(row), int(column), int(entry["next"]), entry["same"])
            else:
                process = entry
        if _lives(process):
            raise UserError(
                f"{folder} is being written by another process ({process['process']}); wait for it."
            )
        try:
            os.truncate(path, sum(len(line) + 1 for line in lines[:-1]))
        except OSError as error:
            raise not_written(path, error) from error
        journal._append(_us())
        return journal

    def note(self, row: int, column: int, next_number: int, same: list[list[int]]) -> None:
        """Take note of a block that is done."""
        self.done.add((row, column))
        self.next_number = next_number
        self.same += [(int(a), int(b)) for a, b in same]

    def add(self, index: Index, next_number: int, same: list[tuple[int, int]]) -> None:
        """Note a block whose labels are on disk.

        Raises
        ------
        UserError
            When the disk is full or gone.
        """
        pairs = [list(pair) for pair in same]
        self._append({"block": list(index), "next": next_number, "same": pairs})
        self.note(*index, next_number, pairs)

    def _append(self, entry: dict[str, Any]) -> None:
        try:
            with open(self.path, "ab") as file:
                file.write(json.dumps(entry).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise not_written(self.path, error) from error


def _us() -> dict[str, Any]:
    return {"process": os.getpid(), "born": psutil.Process().create_time(), "host": socket.gethostname()}


def _lives(process: dict[str, Any]) -> bool:
    """Whether the process that wrote last is another one of this computer, and still there."""
    try:
        if process["host"] != socket.gethostname() or process["process"] == os.getpid():
            return False
        return bool(abs(psutil.Process(process["process"]).create_time() - process["born"]) < 1)
    except (KeyError, TypeError, psutil.Error):
        return False
