"""Projects of older versions: all documents are brought up to date when a project is opened.

Each is replaced whole, and ``project.json`` last, when the others are on the disk. A process that dies in between
leaves documents of both versions; all of them can be read, and opening the project again does the rest.
Strokes in chunks and journals have the same form in all versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from napari_unet.errors import UserError
from napari_unet.project.disk import Disk
from napari_unet.project.documents import (
    ImageDescription,
    ProjectDocument,
    StateDocument,
    VersionedDocument,
    read_of_version,
    write_document,
)
from napari_unet.project.revisions import Revision
from napari_unet.project.rounds import ROUND_NAME, RoundDocument
from napari_unet.project.schema import SCHEMA


def bring_up_to_date(disk: Disk, folder: Path) -> int:
    """Write all documents of a project in this version's form; return the version that the project had.

    Raises
    ------
    UserError
        If ``project.json`` is damaged or a newer program's.
    OSError
        If something cannot be written. What was written until then is sound.
    """
    document, version = read_of_version(disk, folder / "project.json", ProjectDocument)
    if version < SCHEMA:
        for path, kind in _parts(disk, folder):
            with suppress(
                UserError
            ):  # damaged: said when it is asked for, and no reason to refuse the others
                part, of_part = read_of_version(disk, path, kind)
                if of_part < SCHEMA:
                    write_document(disk, path, part)
        write_document(disk, folder / "project.json", document)
    return version


def _parts(disk: Disk, folder: Path) -> Iterator[tuple[Path, type[VersionedDocument]]]:
    for name in disk.names(folder / "images"):
        for file, kind in (("image.json", ImageDescription), ("state.json", StateDocument)):
            if disk.exists(folder / "images" / name / file):
                yield folder / "images" / name / file, kind
    for name in disk.names(folder / "rounds"):
        if ROUND_NAME.fullmatch(name):
            yield folder / "rounds" / name, RoundDocument
    for name in disk.names(folder / "revisions"):
        if name.endswith(".json"):
            yield folder / "revisions" / name, Revision
