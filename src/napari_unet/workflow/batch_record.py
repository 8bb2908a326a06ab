"""What a batch made of which file, and with what: by it a batch that was stopped goes on where it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from napari_unet.formats.atomic import replace_whole
from napari_unet.formats.exports import ENDINGS, Format
from napari_unet.formats.images import name_of
from napari_unet.formats.paths import probabilities_path

RECORD = ".napari-unet-batch.json"
"""Beside the results."""

State = Literal["done", "kept", "failed"]


@dataclass(frozen=True)
class Wanted:
    """What is written for every file beside its label image.

    Attributes
    ----------
    probabilities
        ``NAME_probabilities.tif``, float32.
    rois
        ``NAME.zip``, the outlines for ImageJ.
    table
        ``NAME_objects.csv``, the measurements.
    """

    probabilities: bool = False
    rois: bool = False
    table: bool = False


@dataclass(frozen=True)
class Done:
    """What became of one file.

    Attributes
    ----------
    state
        "kept" is what an earlier run made with the same network and settings.
    found
        What was found, in words; empty where it failed.
    sentences
        What one should know of it, or why it failed.
    """

    path: Path
    target: Path
    state: State
    found: str = ""
    n_objects: int = 0
    seconds: float = 0.0
    sentences: tuple[str, ...] = ()


def beside_of(target: Path, wanted: Wanted) -> dict[str, Path]:
    """Return what is written beside a label image, by its kind."""
    name, found = name_of(target), dict[str, Path]()
    if wanted.probabilities:
        found["probabilities"] = probabilities_path(target)
    if wanted.rois:
        found["rois"] = target.with_name(f"{name}{ENDINGS[Format.ROIS]}")
    if wanted.table:
        found["table"] = target.with_name(f"{name}_objects.csv")
    return found


class _Entry(BaseModel):
    """What is remembered of a file that was segmented."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    size: int
    mtime_ns: int
    made_with: str
    wanted: tuple[bool, bool, bool]
    found: str
    n_objects: int


class Record(RootModel[dict[str, _Entry]]):
    """By the name of the label image."""

    @classmethod
    def read(cls, path: Path) -> Record:
        """Return what is remembered, nothing where it can't be read: then all is made anew."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return cls({})

    def write(self, path: Path) -> None:
        """Write it, whole or not at all."""
        with replace_whole(path) as temporary:
            temporary.write_text(self.model_dump_json(), encoding="utf-8")

    def note(self, done: Done, made_with: str, wanted: Wanted) -> None:
        """Remember a file as it is now."""
        size, mtime_ns = _size_and_time(done.path)
        self.root[done.target.name] = _Entry(
            source=str(done.path.resolve()),
            size=size,
            mtime_ns=mtime_ns,
            made_with=made_with,
            wanted=_asked(wanted),
            found=done.found,
            n_objects=done.n_objects,
        )

    def kept(self, path: Path, target: Path, made_with: str, wanted: Wanted) -> Done | None:
        """Return what was made of a file, where it was made in this way of this file, and is all there."""
        entry = self.root.get(target.name)
        if entry is None:
            return None
        try:
            unchanged = _size_and_time(path) == (entry.size, entry.mtime_ns)
        except OSError:  # it is gone: reading it says so
            return None
        written = [target, *beside_of(target, wanted).values()]
        same = entry.made_with == made_with and entry.wanted == _asked(wanted)
        if not (
            unchanged and same and entry.source == str(path.resolve()) and all(p.exists() for p in written)
        ):
            return None
        return Done(path, target, "kept", entry.found, entry.n_objects)


def _asked(wanted: Wanted) -> tuple[bool, bool, bool]:
    return wanted.probabilities, wanted.rois, wanted.table


def _size_and_time(path: Path) -> tuple[int, int]:
    if path.is_dir():  # OME-Zarr: the newest of its files
        inside = [entry.stat() for entry in path.rglob("*") if entry.is_file()]
        return sum(stat.st_size for stat in inside), max((stat.st_mtime_ns for stat in inside), default=0)
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns
