"""The files of one image: from the journal to the last checkpoint and back.

A change goes to the journal at once and, some seconds later, together with others, into the chunks it touched
(`ImageStore.checkpoint`). At any moment the truth is: the chunks of the generations that ``state.json`` names, and
on top all records of the journal with a higher sequence number. A chunk may hold more than ``state.json`` says, never
less, so painting the records again changes nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue, TypeAdapter, ValidationError

from napari_unet.errors import UserError
from napari_unet.project import ome
from napari_unet.project.chunks import Breathe, ChunkedArray, no_breath
from napari_unet.project.disk import Disk
from napari_unet.project.documents import (
    MOST_BYTES,
    ImageDescription,
    StateDocument,
    read_document,
    write_document,
)
from napari_unet.project.journal import Journal
from napari_unet.project.records import Note, Record, Stroke
from napari_unet.project.refusals import refuse_links

_json: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


@dataclass(frozen=True, eq=False)
class ImageState:
    """What is kept of an image.

    Attributes
    ----------
    arrays : dict
        int32, of the image's spatial shape: "annotation", "segmentation", as far as they were begun.
    notes : dict
        What `ImageEntry.note` was given last, by name.
    sentences : tuple of str
        What the user must know: damage that was found.
    """

    arrays: dict[str, NDArray[np.int32]]
    notes: dict[str, JsonValue]
    sentences: tuple[str, ...] = ()


class ImageStore:
    """What only one thread at a time does: the one that opens, then the project's writer.

    Attributes
    ----------
    sequence : int
        Number of the last change that is in chunks and notes.
    generations : dict
        Which folder holds each array.
    newest_generation : int
        No folder or record has a higher one.
    waiting : list of Record
        What is in the journal and not yet in the chunks.
    """

    def __init__(self, disk: Disk, folder: Path, description: ImageDescription) -> None:
        self._disk = disk
        self.folder = folder
        self.description = description
        self._journal = Journal(disk, folder / "journal")
        self.sequence = 0
        self.generations: dict[str, int] = {}
        self.newest_generation = -1
        self.waiting: list[Record] = []
        self._notes: dict[str, tuple[int, bytes]] = {}  # sequence number, JSON
        self._described: dict[str, bytes] = {}
        self._in_use = False

    @property
    def last_sequence(self) -> int:
        """Number of the last change that is on disk."""
        return max([self.sequence, *(record.sequence for record in self.waiting[-1:])])

    # ---- reading -------------------------------------------------------------------------------------------

    def read(self) -> ImageState:
        """Read all that is kept, and go on from there.

        Raises
        ------
        UserError
            If ``state.json`` is damaged, or memory is short.
        """
        refuse_links(self._disk.links(self.folder, below=True))
        for place in {path.parent for path in self._disk.files(self.folder)}:
            self._disk.sweep(place)
        path = self.folder / "state.json"
        state = read_document(self._disk, path, StateDocument) if self._disk.exists(path) else StateDocument()
        self.sequence, self.generations = state.sequence, dict(state.generations)
        self._notes = {name: (self.sequence, _json.dump_json(v)) for name, v in state.notes.items()}
        self.waiting = []
        self._keep(record for record in self._journal.read(self.sequence) if self._is_sound(record))
        self.newest_generation = max(self._all_generations(), default=-1)
        if not self._in_use:
            # They were painted on an array that a crash kept from being written: it will never come.
            self.waiting = [record for record in self.waiting if not _is_ahead(record, self.generations)]
        self._in_use = True
        self._described = dict(self._descriptions_on_disk())
        arrays, sentences = {}, []
        for which, generation in self.generations.items():
            arrays[which], damaged = self._read_array(which, generation)
            sentences += damaged
        notes = {name: _json.validate_json(text) for name, (_, text) in self._notes.items()}
        return ImageState(arrays, notes, tuple(sentences))

    def _read_array(self, which: str, generation: int) -> tuple[NDArray[np.int32], list[str]]:
        chunks = self._array(which, generation)
        array, damaged = chunks.read()
        for path in damaged:
            self._disk.rename(path, path.with_name(f"{path.name}.damaged"))
        for stroke in _strokes(self.waiting, which, generation):
            array[stroke.box] = stroke.values()
        if not damaged:
            return array, []
        return array, [
            f"{len(damaged)} part(s) of the {which} were damaged on disk and are empty now; "
            f"what is left of them ends in .damaged in {chunks.folder}."
        ]

    def _all_generations(self) -> Iterator[int]:
        yield from self.generations.values()
        yield from (r.entry.generation for r in self.waiting if isinstance(r.entry, Stroke))
        for which in self._disk.names(self.folder / "labels.zarr"):
            names = self._disk.names(self.folder / "labels.zarr" / which)
            yield from (int(name) for name in names if _is_generation(name))

    # ---- writing -------------------------------------------------------------------------------------------

    def append(self, records: Sequence[Record]) -> None:
        """Write records into the journal; they are on disk when this returns."""
        self._in_use = True
        self._journal.append(records)
        self._keep(records)

    def write_array(
        self, which: str, generation: int, array: NDArray[np.int32] | None, breathe: Breathe = no_breath
    ) -> None:
        """Write a whole array (``None``: zeros) beside the present one; `checkpoint` puts it in its place."""
        chunks = self._array(which, generation)
        self._disk.make_folder(chunks.folder)
        description = chunks.description(ome.axis_names(self.description))
        self._disk.put(chunks.folder / "zarr.json", ome.as_json(description))
        if array is not None:
            chunks.write(array, breathe)

    def checkpoint(
        self,
        breathe: Breathe = no_breath,
        switched: Mapping[str, int] | None = None,
        notes: Mapping[str, bytes] | None = None,
        sequence: int = 0,
    ) -> None:
        """Paint what waits into the chunks, say so in ``state.json``, and only then forget the journal.

        Parameters
        ----------
        switched
            New generations of arrays, to be the present ones from now on.
        notes
            Notes (JSON) that change together with them.
        sequence
            Number of this change: a note with a higher one stays.
        """
        generations = {**self.generations, **(switched or {})}
        # More may come while it breathes. What was painted on an array that is not in its place yet stays.
        waiting = list(itertools.takewhile(lambda record: not _is_ahead(record, generations), self.waiting))
        all_of_them = len(waiting) == len(self.waiting)
        segments = self._journal.rotate()
        for which, generation in generations.items():
            self._array(which, generation).apply(_strokes(waiting, which, generation), breathe)
        known = dict(self._notes)
        for name, text in (notes or {}).items():
            if known.get(name, (0, b""))[0] < sequence:
                known[name] = (sequence, text)
        last = max([self.sequence, sequence, *(record.sequence for record in waiting[-1:])])
        # What stays is to be read from the journal again.
        last = min([last, *(record.sequence - 1 for record in self.waiting[len(waiting) :][:1])])
        state = StateDocument(
            sequence=last,
            generations=generations,
            notes={name: _json.validate_json(text) for name, (_, text) in known.items()},
        )
        write_document(self._disk, self.folder / "state.json", state)
        self.sequence, self.generations, self._notes = last, generations, known
        del self.waiting[: len(waiting)]
        if all_of_them:
            self._journal.remove(segments)
        self._describe()

    def remove_replaced(self, in_use: Iterable[int]) -> None:
        """Remove the folders of arrays that others have replaced; generations `in_use` stay."""
        keep = {*self.generations.values(), *in_use}
        for which in self.generations:
            folder = self.folder / "labels.zarr" / which
            for name in self._disk.names(folder):
                if _is_generation(name) and int(name) not in keep:
                    self._disk.remove_folder(folder / name)

    @property
    def needs_tidying(self) -> bool:
        """Whether a crash has left descriptions that name a replaced array, or folders that nothing names."""
        folders = [
            int(name)
            for which in self._disk.names(self.folder / "labels.zarr")
            for name in self._disk.names(self.folder / "labels.zarr" / which)
            if _is_generation(name)
        ]
        return self._described != self._wanted_descriptions() or len(folders) > len(self.generations)

    def _describe(self) -> None:
        """Bring the OME-Zarr descriptions up to date."""
        for where, content in self._wanted_descriptions().items():
            if self._described.get(where) != content:
                self._disk.put(self.folder / "labels.zarr" / where / "zarr.json", content)
                self._described[where] = content

    def _wanted_descriptions(self) -> dict[str, bytes]:
        if not self.generations:
            return {}
        wanted = {"": ome.labels_group(sorted(self.generations))}
        for which, generation in self.generations.items():
            wanted[which] = ome.label_image(self.description, which, str(generation))
        return wanted

    def _descriptions_on_disk(self) -> Iterator[tuple[str, bytes]]:
        for where in self._wanted_descriptions():
            path = self.folder / "labels.zarr" / where / "zarr.json"
            if self._disk.exists(path):
                with suppress(UserError):  # too large to be one of ours
                    yield where, self._disk.read(path, MOST_BYTES)

    # ---- inside --------------------------------------------------------------------------------------------

    def _array(self, which: str, generation: int) -> ChunkedArray:
        folder = self.folder / "labels.zarr" / which / str(generation)
        return ChunkedArray(self._disk, folder, self.description.spatial_shape)

    def _keep(self, records: Iterable[Record]) -> None:
        for record in records:
            if isinstance(record.entry, Note):
                self._notes[record.entry.name] = (record.sequence, record.entry.text)
            self.waiting.append(record)

    def _is_sound(self, record: Record) -> bool:
        """Whether a record that was read can be used: its checksum does not keep others from writing nonsense."""
        try:
            if isinstance(record.entry, Note):
                _json.validate_json(record.entry.text)
                return True
            return record.entry.fits(self.description.spatial_shape) and record.entry.values() is not None
        except (ValidationError, UserError):
            return False


def _strokes(records: Iterable[Record], which: str, generation: int) -> Iterator[Stroke]:
    for record in records:
        entry = record.entry
        if isinstance(entry, Stroke) and (entry.array, entry.generation) == (which, generation):
            yield entry


def _is_ahead(record: Record, generations: Mapping[str, int]) -> bool:
    entry = record.entry
    return isinstance(entry, Stroke) and entry.generation > generations.get(entry.array, -1)


def _is_generation(name: str) -> bool:
    return name.isascii() and name.isdigit() and len(name) < 12
