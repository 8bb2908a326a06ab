"""The report of a problem: texts that say what happened, looked through before they are put into a file.

No image is in it, and nothing is sent anywhere.
"""

from __future__ import annotations

import getpass
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from napari_unet.callbacks import OnProgress, no_progress
from napari_unet.errors import UserError
from napari_unet.formats.atomic import replace_whole
from napari_unet.log import log_files
from napari_unet.project.disk import Disk
from napari_unet.project.documents import ImageDescription, ProjectDocument, read_document
from napari_unet.project.history import ProjectHistory
from napari_unet.project.rounds import read_rounds
from napari_unet.support.doctor import examine

MOST_LOG = 2 * 1024**2
"""Characters of the log's end that are taken."""
MOST_HISTORY = 300

ABOUT = """A report of a problem with napari-unet.

{list}
No images and no annotation are in it. Your user name and home folder are left out; the names of other folders and
of files that you opened may be in log.txt and project.json.

Say in your own words what you did, what you expected and what happened instead:

"""
_USER = re.compile(r"(?i)((?:[/\\]+|\b)(?:home|users)[/\\]+)[^/\\\s\"']+")


@dataclass(frozen=True)
class Piece:
    """One file of a report.

    Attributes
    ----------
    about
        What it is, in a few words.
    """

    name: str
    about: str
    text: str


def gather(
    settings: Mapping[str, JsonValue] | None = None,
    project: Path | None = None,
    on_progress: OnProgress = no_progress,
) -> list[Piece]:
    """Gather a report; takes seconds, safe in any thread.

    Parameters
    ----------
    settings
        What is chosen in the window.
    project
        Folder of the project that is worked on.
    """
    on_progress(0.0, "Looking at this machine")
    machine = "".join(f"{name}: {found}\n" for name, found in examine(on_progress))
    pieces = [
        Piece("log.txt", "what happened, with versions and errors", _read_log()),
        Piece("doctor.txt", "versions, graphics, device and speed of this machine", machine),
    ]
    if settings is not None:
        pieces.append(
            Piece("settings.json", "what is chosen in the window, counts and sizes", _json(settings))
        )
    if project is not None:
        pieces.append(
            Piece("project.json", "sizes, rounds and actions of the project", describe_project(project))
        )
    pieces = [Piece(piece.name, piece.about, scrub(piece.text)) for piece in pieces]
    listed = "".join(f"{piece.name}: {piece.about}\n" for piece in pieces)
    return [
        Piece("about.txt", "what is in the report, with room for your words", ABOUT.format(list=listed)),
        *pieces,
    ]


def write_report(path: Path | str, pieces: Sequence[Piece]) -> Path:
    """Write a report whole, or not at all; return its path, which ends in ``.zip``.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    path = Path(path)
    path = path if path.suffix.lower() == ".zip" else path.with_name(f"{path.name}.zip")
    with replace_whole(path) as unfinished, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for piece in pieces:
            archive.writestr(piece.name, piece.text)
    return path


def scrub(text: str) -> str:
    """Leave the user's name and home folder out of a text."""
    home = str(Path.home())
    for written in {home, home.replace("\\", "\\\\"), home.replace("\\", "/")} - {"/", "."}:
        text = text.replace(written, "~")
    text = _USER.sub(r"\1USER", text)
    name = ""
    with suppress(OSError, KeyError, ImportError):
        name = getpass.getuser()
    if len(name) > 2:
        text = re.sub(rf"(?<=[/\\]){re.escape(name)}(?=[/\\])", "USER", text)
    return text


def describe_project(folder: Path) -> str:
    """Return what a project holds, without names, pixels and annotation, as JSON; it is only read."""
    disk = Disk()
    facts: dict[str, JsonValue] = {}
    try:
        document = read_document(disk, folder / "project.json", ProjectDocument)
        facts["made by"] = document.program
        facts["images"] = [_image(disk, folder, image.id) for image in document.images]
        rounds, sentences = read_rounds(disk, folder / "rounds")
        facts["rounds"] = [
            kept.document.model_dump(mode="json", exclude={"outcome": {"loss", "learning_rate"}})
            for kept in rounds
        ]
        facts["damaged"] = list(sentences)
        actions = ProjectHistory(disk, folder / "history.jsonl").read()
        facts["last actions"] = list(actions[-MOST_HISTORY:])
    except (OSError, UserError) as error:
        facts["could not be read"] = str(error)
    return _json(facts)


def _image(disk: Disk, folder: Path, image_id: str) -> JsonValue:
    try:
        path = folder / "images" / image_id / "image.json"
        described = read_document(disk, path, ImageDescription)
    except UserError as error:
        return str(error)
    facts: dict[str, JsonValue] = described.model_dump(mode="json", exclude={"name", "file", "channel_names"})
    return {**facts, "kind of file": "none" if described.file is None else Path(described.file.path).suffix}


def _read_log() -> str:
    text = ""
    for path in log_files():
        with suppress(OSError):
            text += path.read_text("utf-8", errors="replace")
    return text[-MOST_LOG:] or "There is no log yet.\n"


def _json(facts: Mapping[str, JsonValue]) -> str:
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
