"""What reads files that others may have made, each as a function of bytes: it may refuse them, in one sentence.

`TARGETS` is used by the tests (a few examples each) and by ``fuzz.py`` (as many as there is time for).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
import zarr
from PIL import Image
from safetensors.torch import save

from napari_unet.errors import UserError
from napari_unet.formats.images import read_image, read_labels
from napari_unet.network.model_file import HEADER_KEY, load_model
from napari_unet.objects.changes import Change
from napari_unet.project import FileReference, ImageDescription, ImageState, Project, ProjectLocked
from napari_unet.project.chunks import ChunkedArray
from napari_unet.project.disk import Disk
from napari_unet.project.documents import ProjectDocument, StateDocument, read_document
from napari_unet.project.history import ProjectHistory
from napari_unet.project.image_file import find_file
from napari_unet.project.image_store import ImageStore
from napari_unet.project.lock import FolderLock
from napari_unet.project.probabilities import Probabilities
from napari_unet.project.records import MAGIC
from napari_unet.project.rounds import RoundDocument
from napari_unet.session import ImageSource, Session
from napari_unet.session.restoring import Kept, read_kept, restore
from napari_unet.workflow.scale import scale_of
from napari_unet.workflow.segmentation import separation_of
from tiny_models import a_model, a_round

SHAPE = (60, 70)
DESCRIBED = ImageDescription(name="cells", axes="YX", shape=SHAPE, dtype="uint8")


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes
    ----------
    read
        Gets bytes and an empty folder; raises nothing but `UserError`.
    seeds
        What it reads without complaint.
    words
        Pieces that a mutation may put in.
    """

    read: Callable[[bytes, Path], object]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()

    def __call__(self, content: bytes) -> None:
        """Read, in a folder that is removed afterwards."""
        with tempfile.TemporaryDirectory() as folder, suppress(UserError):
            self.read(content, Path(folder))


# ---- models ----------------------------------------------------------------------------------------------------

_MODEL = a_model()
_HEADER = _MODEL.description.model_dump_json().encode()


def _model_file(content: bytes, folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(content)
    model = load_model(folder / "model.safetensors")
    scale = scale_of(model.description, None, None)
    separation_of(model.description, scale)


def _with_header(text: str) -> bytes:
    return save(dict(_MODEL.network.state_dict()), {HEADER_KEY: text})


def _model_header(content: bytes, folder: Path) -> None:
    _model_file(_with_header(content.decode("utf-8", "replace")), folder)


# ---- documents ---------------------------------------------------------------------------------------------------

_KINDS = (ProjectDocument, ImageDescription, StateDocument, RoundDocument)
_FILE = FileReference(path="/dev/null", relative="../a", size=0, mtime_ns=1, digest="0" * 64)
_DOCUMENTS = (
    ProjectDocument(name="n", created="now", notes={"a": [1]}),
    DESCRIBED.model_copy(update={"file": _FILE, "scale": (0.5, 0.5), "units": ("µm", "µm")}),
    StateDocument(sequence=3, generations={"annotation": 0}, notes={"regions": []}),
    a_round(1),
)


def _document(content: bytes, folder: Path) -> None:
    kind = _KINDS[content[0] % len(_KINDS)] if content else ProjectDocument
    (folder / "any.json").write_bytes(content[1:])
    document = read_document(Disk(), folder / "any.json", kind)
    if isinstance(document, RoundDocument):
        document.outcome.restored()
    if isinstance(document, ImageDescription):
        with suppress(UserError):
            find_file(document, "image", folder)


def _history(content: bytes, folder: Path) -> None:
    (folder / "history.jsonl").write_bytes(content)
    ProjectHistory(Disk(), folder / "history.jsonl").read()


def _lock(content: bytes, folder: Path) -> None:
    (folder / "lock").write_bytes(content)
    with suppress(ProjectLocked):
        FolderLock(folder / "lock").release()


# ---- what was painted ----------------------------------------------------------------------------------------------


def _a_project(folder: Path) -> Project:
    """Return a project of one image with strokes in its chunks, and more of them in its journal."""
    project = Project.create(folder)
    entry = project.add_image(DESCRIBED, np.zeros(SHAPE, np.uint8))
    entry.replace_array("annotation")
    entry.replace_array("segmentation")
    for number in range(2, 5):
        values = np.full((7, 9), number, np.int32)
        entry.record([("annotation", Change((9 * number, 5), np.zeros_like(values), values))])
    for name, value in _NOTES.items():
        entry.note(name, value)
    entry.probabilities.keep((), np.full((2, *SHAPE), 0.5), np.full(SHAPE, 0.5), 1.0, 20.0)
    project.add_round(lambda: _MODEL, a_round(1))
    project.log("Paint", entry.id, sequence=1)
    project.close()
    project = Project.open(folder)
    entry = project.image(project.images[0].id)
    entry.open()
    entry.record([("annotation", Change((50, 50), np.zeros_like(values), values))])
    assert project.flush()
    return project


_NOTES: dict[str, object] = {
    "labels_are": "objects",
    "class_names": ["cell", "debris"],
    "object_classes": {"2": 1, "3": 2},
    "complete": [2],
    "regions": [{"kind": "polygon", "vertices": [[0.0, 0.0], [9.5, 0.0], [5.0, 8.0]], "plane": []}],
    "object_size": 12.5,
    "channels": [0],
    "separation": {"threshold": 0.4},
}


def _journal(content: bytes, folder: Path) -> None:
    store = ImageStore(Disk(), folder, DESCRIBED)
    store.write_array("annotation", 0, None)
    store.checkpoint(switched={"annotation": 0})
    (folder / "journal").mkdir()
    (folder / "journal" / "000001.journal").write_bytes(content)
    store = ImageStore(Disk(), folder, DESCRIBED)
    state = store.read()
    store.checkpoint()
    again = ImageStore(Disk(), folder, DESCRIBED).read()
    assert np.array_equal(state.arrays["annotation"], again.arrays["annotation"])


def _chunk(content: bytes, folder: Path) -> None:
    array = ChunkedArray(Disk(), folder, SHAPE)
    (folder / "c" / "0").mkdir(parents=True)
    (folder / "c" / "0" / "0").write_bytes(content)
    array.read()


def _probabilities(content: bytes, folder: Path) -> None:
    (folder / "plane.safetensors").write_bytes(content)
    found = Probabilities(Disk(), None, folder).read(())  # type: ignore[arg-type]
    if found is not None:
        restore(Kept(ImageState({}, {}), probabilities={(): found}), _a_session())


def _a_session() -> Session:
    session = Session()
    session.set_image(ImageSource("cells", np.zeros(SHAPE, np.uint8)))
    return session


def _notes(content: bytes, folder: Path) -> None:
    text = b'{"schema_version": 2, "notes": ' + content + b"}"
    (folder / "state.json").write_bytes(text)
    notes = read_document(Disk(), folder / "state.json", StateDocument).notes
    labels = np.zeros(SHAPE, np.int32)
    labels[5:20, 5:20], labels[30:40, 30:50] = 2, 3
    session = _a_session()
    restore(Kept(ImageState({"annotation": labels}, notes)), session)
    session.problems(())
    assert session.painting is not None
    session.painting.with_regions(())


# ---- whole projects ------------------------------------------------------------------------------------------------

with tempfile.TemporaryDirectory() as _made, _a_project(Path(_made, "project")) as _project:
    _FILES = {
        path.relative_to(_project.folder): path.read_bytes()
        for path in sorted(_project.folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }
_PATHS = tuple(_FILES)


def _project_file(content: bytes, folder: Path) -> None:
    """Put the bytes in the place of one file, which the first byte chooses, and open the project."""
    chosen = _PATHS[content[0] % len(_PATHS)] if content else _PATHS[0]
    for path, whole in _FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content[1:] if path == chosen else whole)
    with Project.open(folder) as project:
        for image in project.images:
            entry = project.image(image.id)
            session = _a_session()
            restore(read_kept(project, entry), session)
            entry.note("place", [1, 2])
            project.history()
            with suppress(UserError):
                entry.pixels()


# ---- images of others ----------------------------------------------------------------------------------------------


def _image(name: str) -> Callable[[bytes, Path], None]:
    def read(content: bytes, folder: Path) -> None:
        (folder / name).write_bytes(content)
        read_image(folder / name)
        read_labels(folder / name)

    return read


def _written(name: str, write: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, name))
        return Path(folder, name).read_bytes()


_GREY = np.arange(30, dtype=np.uint8).reshape(5, 6)
_TIFFS = tuple(
    _written(name, lambda path, how=how: tifffile.imwrite(path, _GREY, **how))  # type: ignore[misc]
    for name, how in (
        ("a.tif", {}),
        ("a.ome.tif", {"metadata": {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm"}}),
        ("a.tif", {"imagej": True, "metadata": {"unit": "um"}, "resolution": (4, 4)}),
        ("a.tif", {"compression": "zlib", "tile": (16, 16)}),
    )
)


def _zarr_description(content: bytes, folder: Path) -> None:
    """Let the bytes be an array's description: of version 3, or of version 2 where they begin with an odd byte."""
    name = ".zarray" if content and content[0] % 2 else "zarr.json"
    place = folder / "a.zarr"
    place.mkdir()
    (place / name).write_bytes(content[1:])
    (place / "c" / "0").mkdir(parents=True)
    (place / "c" / "0" / "0").write_bytes(bytes(30))
    (place / "0.0").write_bytes(bytes(30))
    read_image(place)


def _zarr_seed(version: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        zarr.create_array(
            folder, shape=(5, 6), chunks=(5, 6), dtype="u1", zarr_format=version, compressors=None
        )
        return Path(folder, {3: "zarr.json", 2: ".zarray"}[version]).read_bytes()


def _ome_zarr(content: bytes, folder: Path) -> None:
    place = folder / "a.zarr"
    zarr.create_array(place / "0", shape=(5, 6), chunks=(5, 6), dtype="u1", compressors=None)[:] = 1
    (place / "zarr.json").write_bytes(content)
    read_image(place)


_OME = {
    "zarr_format": 3,
    "node_type": "group",
    "attributes": {
        "ome": {
            "version": "0.5",
            "multiscales": [
                {
                    "axes": [{"name": "y", "unit": "nanometer"}, {"name": "x", "unit": "nanometer"}],
                    "datasets": [
                        {
                            "path": "0",
                            "coordinateTransformations": [{"type": "scale", "scale": [200.0, 200.0]}],
                        }
                    ],
                }
            ],
        }
    },
}


def _file(end: str) -> bytes:
    return next(content for path, content in _FILES.items() if path.as_posix().endswith(end))


_JSON = (b'"NaN"', b'".."', b'"/"', b'"pickle"', b"1e999", b"-1", b"[[", b"null")

TARGETS: dict[str, Target] = {
    "model header": Target(_model_header, (_HEADER,), _JSON),
    "model file": Target(_model_file, (_with_header(_HEADER.decode()),)),
    "documents": Target(
        _document,
        tuple(bytes([k]) + document.model_dump_json().encode() for k, document in enumerate(_DOCUMENTS)),
        _JSON,
    ),
    "history": Target(_history, (_file("history.jsonl"),), _JSON),
    "lock": Target(_lock, (b'{"pid": 1, "host": "a", "since": 1.5}',), _JSON),
    "journal": Target(_journal, (_file(".journal"),), (MAGIC,)),
    "chunk": Target(_chunk, (_file("annotation/0/c/0/0"),)),
    "probabilities": Target(_probabilities, (_file("plane.safetensors"),), _JSON),
    "regions and settings": Target(_notes, (json.dumps(_NOTES).encode(),), _JSON),
    "a project's files": Target(
        _project_file, tuple(bytes([k]) + content for k, content in enumerate(_FILES.values())), _JSON
    ),
    "tiff": Target(_image("a.tif"), _TIFFS),
    "png": Target(_image("a.png"), (_written("a.png", lambda path: Image.fromarray(_GREY).save(path)),)),
    "zarr": Target(_zarr_description, (b"\0" + _zarr_seed(3), b"\1" + _zarr_seed(2)), _JSON),
    "ome-zarr": Target(_ome_zarr, (json.dumps(_OME).encode(),), _JSON),
}
