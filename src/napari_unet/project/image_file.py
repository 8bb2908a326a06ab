"""Images that stay where they are: how one is known again when it was moved."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from napari_unet.errors import UserError
from napari_unet.project.documents import FileReference, ImageDescription
from napari_unet.project.refusals import ImageMissing, why_not_read

BLOCK = 1024**2
"""Bytes of the first, middle and last part of a file that its digest is made of."""

MOST_LOOKED_AT = 20_000
"""Files of a folder that are compared, so that a search in a whole drive comes to an end."""

_DESCRIPTIONS = {"zarr.json", ".zattrs", ".zarray", ".zgroup"}


def refer_to(path: Path, project: Path) -> FileReference:
    """Describe a file, or an OME-Zarr folder, so that it can be found again.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    path = Path(os.path.abspath(path))
    try:
        size, mtime = _size(path), path.stat().st_mtime_ns
        digest = _digest(path)
    except OSError as error:
        raise why_not_read(path, error) from error
    return FileReference(
        path=str(path), relative=_relative(path, project), size=size, mtime_ns=mtime, digest=digest
    )


def seen_from(reference: FileReference, old: Path, new: Path) -> FileReference:
    """Return the reference to the same file for a copy of a project, from `old` to `new`."""
    known = Path(reference.path)
    if not _is_there(known) and reference.relative and _is_there(old / reference.relative):
        known = old / reference.relative  # both were moved together once
    return reference.model_copy(update={"relative": _relative(Path(os.path.abspath(known)), new)})


def is_same(path: Path, reference: FileReference) -> bool:
    """Whether a file is the one that a reference describes, though perhaps under another name."""
    try:
        if not (path.is_file() or path.is_dir()):  # to open a pipe would be to wait for it
            return False
        if _size(path) != reference.size:
            return False
        unchanged = str(path) == reference.path and path.stat().st_mtime_ns == reference.mtime_ns
        return unchanged or _digest(path) == reference.digest
    except (OSError, ValueError):
        return False


def find_file(
    description: ImageDescription, image_id: str, project: Path, folders: Sequence[Path] = ()
) -> Path:
    """Return where an image's file is now.

    Looked for at its old place, at the same place as seen from the project, beside the project, and in `folders`: by
    name first, then by size and content.

    Raises
    ------
    ImageMissing
        If it is nowhere there; the window asks for a file or folder.
    UserError
        If the image never had a file.
    """
    reference = description.file
    if reference is None:
        raise UserError(f"“{description.name}” came without a file; its pixels are in the project.")
    old = Path(reference.path)
    places = [old, *([project / reference.relative] if reference.relative else [])]
    named = [folder / old.name for folder in (project, project.parent, *folders)]
    for path in (*places, *named):
        if is_same(path, reference):
            return Path(os.path.abspath(path))
    for path in _of_one_size((project.parent, *folders), reference.size):
        if is_same(path, reference):
            return path
    changed = next((path for path in places if _is_there(path)), None)
    if changed is not None:
        raise ImageMissing(
            f"{changed} was changed since “{description.name}” was annotated: choose the original, or this one.",
            image_id,
            changed,
        )
    raise ImageMissing(
        f"The image “{description.name}” is not at {old} any more: say where it is.", image_id, old
    )


def _relative(path: Path, project: Path) -> str:
    try:
        return Path(os.path.relpath(path, project)).as_posix()
    except ValueError:  # another drive of Windows
        return ""


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _of_one_size(folders: Iterable[Path], size: int) -> Iterator[Path]:
    """Yield files of a size that lie in these folders, not below them."""
    for folder in folders:
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in islice(entries, MOST_LOOKED_AT):
                with suppress(OSError):
                    if entry.is_file() and entry.stat().st_size == size:
                        yield Path(entry.path)


def _size(path: Path) -> int:
    return 0 if path.is_dir() else path.stat().st_size


def _digest(path: Path) -> str:
    if path.is_dir():
        return _folder_digest(path)
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with open(path, "rb") as file:
        for start in sorted({0, max(size // 2 - BLOCK // 2, 0), max(size - BLOCK, 0)}):
            file.seek(start)
            digest.update(file.read(BLOCK))
    return digest.hexdigest()


def _folder_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for where, folders, names in islice(os.walk(folder), 100):
        folders.sort()
        for name in sorted(names)[:1000]:
            path = Path(where, name)
            digest.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
            if name in _DESCRIPTIONS and path.is_file():
                with open(path, "rb") as file:
                    digest.update(file.read(BLOCK))
    return digest.hexdigest()
