"""One image of a project, as others see it: what was painted on it and said about it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue, TypeAdapter, ValidationError

from napari_unet.errors import UserError
from napari_unet.objects.changes import Change
from napari_unet.project.disk import Disk
from napari_unet.project.documents import ImageDescription, read_document, write_document
from napari_unet.project.image_file import find_file, refer_to
from napari_unet.project.image_store import ImageState, ImageStore
from napari_unet.project.pixels import Pixels
from napari_unet.project.probabilities import Probabilities
from napari_unet.project.records import Name, Note, Record, pack, pieces
from napari_unet.project.refusals import why_not_read

if TYPE_CHECKING:
    from napari_unet.project.chunks import Breathe
    from napari_unet.project.writer import Writer

CHECKPOINT_AFTER = 5.0
"""Seconds for which strokes gather in the journal before they are painted into the chunks."""

MOST_NOTE_BYTES = 8 * 1024**2

_json: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)
_name: TypeAdapter[str] = TypeAdapter(Name)


@dataclass(frozen=True, eq=False)
class _Painted:
    """A box as it was handed over; packing it is left to the writer's thread.

    Attributes
    ----------
    sequence
        Number of the first record that it becomes.
    more
        It is not the last of its action.
    """

    sequence: int
    array: str
    generation: int
    offset: tuple[int, ...]
    values: NDArray[np.int32]
    more: bool

    def records(self) -> list[Record]:
        strokes = list(pack(self.array, self.generation, self.offset, self.values))
        last = len(strokes) - 1
        return [Record(self.sequence + k, stroke, self.more or k < last) for k, stroke in enumerate(strokes)]


class ImageEntry:
    """An image in a project; made by `Project`.

    `record`, `note` and `replace_array` may be called from any thread and return at once; what they were given is on
    disk when ``project.saved.pending`` is 0. The image is opened before.
    """

    def __init__(self, disk: Disk, writer: Writer, project: Path, image_id: str) -> None:
        self.id = image_id
        self.folder = project / "images" / image_id
        self._project = project
        self._disk = disk
        self._writer = writer
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._described: ImageDescription | None = None
        self._opened: ImageStore | None = None
        self._sequence = 0
        self._generations: dict[str, int] = {}
        self._newest_generation = -1
        self._planned = False
        self.probabilities = Probabilities(disk, writer, self.folder / "probabilities")

    # ---- the image -----------------------------------------------------------------------------------------

    @property
    def description(self) -> ImageDescription:
        """Axes, shape, scale and where the pixels are."""
        if self._described is None:
            self._described = read_document(self._disk, self.folder / "image.json", ImageDescription)
        return self._described

    def pixels(self) -> NDArray[Any]:
        """Return the pixels of an image that came without a file."""
        return Pixels(self._disk, self.folder, self.description).read()

    def find_file(self, folders: Sequence[Path] = ()) -> Path:
        """Return where the image's file is now, looked for also in `folders`; raises `ImageMissing`."""
        return find_file(self.description, self.id, self._project, folders)

    def relocate(self, path: Path) -> None:
        """Note that the image's file is at another place from now on."""
        changed = self.description.model_copy(update={"file": refer_to(path, self._project)})
        self._described = changed
        self._writer.submit(lambda _: write_document(self._disk, self.folder / "image.json", changed))

    def copy_pixels(self, pixels: NDArray[Any]) -> None:
        """Keep the pixels of an image without a file after all; nobody changes them."""
        changed = self.description.model_copy(update={"copied": True})
        self._described = changed
        self.keep_pixels(pixels)
        self._writer.submit(lambda _: write_document(self._disk, self.folder / "image.json", changed))

    # ---- what was painted and said -------------------------------------------------------------------------

    def open(self) -> ImageState:
        """Read all that is kept; takes as long as the annotation is large. Safe in any thread.

        Raises
        ------
        UserError
            If the files are damaged in a way that leaves nothing to show, or the project was closed meanwhile.
        """
        try:
            with self._opening:
                if self._opened is None:
                    store = ImageStore(self._disk, self.folder, self.description)
                    state = store.read()
                    self._begin(store)
                    return state
            # The thread that writes must not be amidst it.
            job = self._writer.submit(lambda _: self._store.read(), counts=False, retry=False)
            again: ImageState = job.result()
            return again
        except OSError as error:
            raise why_not_read(self.folder, error) from error
        except CancelledError:
            raise UserError(f"{self.folder} could not be read: the project was closed.") from None

    def record(self, changes: Iterable[tuple[str, Change]], owned: bool = False) -> None:
        """Keep what one action changed; after a crash either all of it is there or nothing.

        Parameters
        ----------
        changes
            As in a session's ``Action.changes``. Only the new values are kept.
        owned
            Nobody will change the values, so they need not be copied.
        """
        taken = np.asarray if owned else np.array
        boxes = [(str(which), tuple(map(int, c.offset)), taken(c.new, np.int32)) for which, c in changes]
        with self._lock:
            items = []
            for k, (which, offset, values) in enumerate(boxes):
                generation, more = self._generations[which], k < len(boxes) - 1
                items.append(_Painted(self._sequence + 1, which, generation, offset, values, more))
                self._sequence += len(pieces(values.shape))
            self._writer.put(self, items)

    def note(self, name: str, value: JsonValue) -> None:
        """Keep a small thing (regions, a setting, the place looked at) under a name; the last value counts.

        Parameters
        ----------
        name
            Lower-case letters, digits and underscores.

        Raises
        ------
        UserError
            If it is larger than 8 MiB.
        """
        text = _note_text(name, value)
        with self._lock:
            self._sequence += 1
            self._writer.put(self, [Record(self._sequence, Note(name, text))])

    def replace_array(
        self,
        which: str,
        array: NDArray[np.int32] | None = None,
        notes: Mapping[str, JsonValue] | None = None,
        owned: bool = False,
    ) -> None:
        """Begin an array or keep another one under its name; after a crash the old or the new one is there, whole.

        Parameters
        ----------
        which
            "annotation" or "segmentation".
        array
            Of the image's spatial shape; ``None`` for zeros.
        notes
            What changes together with it.
        owned
            It needs not be copied: nobody will change it, or whoever does records every change.
        """
        which = _name.validate_python(str(which))
        shape = self.description.spatial_shape
        if array is not None and tuple(array.shape) != shape:
            raise UserError(f"An array of shape {array.shape} does not fit an image of shape {shape}.")
        kept = array if array is None or owned else np.array(array, np.int32)
        texts = {name: _note_text(name, value) for name, value in (notes or {}).items()}
        store = self._store
        with self._lock:
            self._newest_generation += 1
            self._sequence += 1
            generation, sequence = self._newest_generation, self._sequence
            self._generations[which] = generation

            def replace(breathe: Breathe) -> None:
                switched = None
                # Tried again, it may be in its place already, with strokes on it; or a later one was quicker.
                if store.generations.get(which, -1) < generation:
                    store.write_array(which, generation, kept, breathe)
                    switched = {which: generation}
                    breathe()  # what an array that still changes holds already is in the journal before it counts
                store.checkpoint(breathe, switched, texts, sequence)
                store.remove_replaced(self._generations.values())

            self._writer.submit(replace)

    @property
    def sequence(self) -> int:
        """The number of the last change: which state of the annotation a round has seen."""
        return self._sequence

    @property
    def arrays(self) -> frozenset[str]:
        """Names of the arrays that were begun."""
        return frozenset(self._generations)

    # ---- for the project and its writer --------------------------------------------------------------------

    def create(self, description: ImageDescription) -> None:
        """Write a new image's description."""
        self._disk.make_folder(self.folder)
        write_document(self._disk, self.folder / "image.json", description)
        self._described = description
        self._begin(ImageStore(self._disk, self.folder, description))

    def keep_pixels(self, pixels: NDArray[Any]) -> None:
        """Write the pixels of an image that came without a file."""
        kept = Pixels(self._disk, self.folder, self.description)
        self._writer.submit(lambda breathe: kept.write(pixels, breathe))

    def write(self, items: Sequence[_Painted | Record], /) -> None:
        """Append to the journal."""
        records = [r for item in items for r in (item.records() if isinstance(item, _Painted) else [item])]
        self._store.append(records)
        self._plan_checkpoint()

    @property
    def _store(self) -> ImageStore:
        if self._opened is None:
            raise RuntimeError("open the image before changing it")
        return self._opened

    def _begin(self, store: ImageStore) -> None:
        with self._lock:
            self._sequence, self._generations = store.last_sequence, dict(store.generations)
            self._newest_generation = store.newest_generation
            self._opened = store
        if store.waiting:
            self._plan_checkpoint()
        if store.needs_tidying:
            self._writer.submit(self._tidy, counts=False)

    def _plan_checkpoint(self) -> None:
        if not self._planned:
            self._planned = True
            self._writer.submit(self._checkpoint, delay=CHECKPOINT_AFTER, counts=False)

    def _tidy(self, breathe: Breathe) -> None:
        self._store.checkpoint(breathe)
        self._store.remove_replaced(self._generations.values())

    def _checkpoint(self, breathe: Breathe) -> None:
        self._planned = False
        self._store.checkpoint(breathe)


def _note_text(name: str, value: JsonValue) -> bytes:
    _name.validate_python(name)
    try:
        text = _json.dump_json(_json.validate_python(value))
    except ValidationError as error:
        raise TypeError(f"the note {name} is not JSON: {error}") from error
    if len(text) > MOST_NOTE_BYTES:
        raise UserError(f"The {name} takes {len(text) / 1e6:.0f} MB, more than can be kept; use less of it.")
    return text
