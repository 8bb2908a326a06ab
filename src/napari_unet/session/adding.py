"""Image files that come into a project, many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_unet.errors import UserError
from napari_unet.formats.images import read_image
from napari_unet.project import Project
from napari_unet.session.described import describe_image
from napari_unet.session.pictures import as_source


@dataclass(eq=False)
class Added:
    """What became of the files.

    Attributes
    ----------
    ids
        Of the images that are in the project now.
    sentences
        Why others are not, one per file.
    """

    ids: list[str] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)


def add_files(
    project: Project,
    files: Sequence[Path],
    tell: Callable[[int], None],
    should_stop: Callable[[], bool],
) -> Added:
    """Add the files that hold a readable picture; safe in any thread, and as slow as reading them all.

    Parameters
    ----------
    tell
        Told how many files are done.
    should_stop
        Asked before every file; what is added by then stays.
    """
    added, known = Added(), _known(project)
    for n, file in enumerate(files):
        if should_stop():
            break
        try:
            source = as_source(read_image(file))
            described = describe_image(source, range(source.n_channels), file, project.folder)
            assert described.file is not None
            content = (described.file.size, described.file.digest)
            if content in known:
                raise UserError(f"{file} is in the project already, as “{known[content]}”.")
            added.ids.append(project.add_image(described).id)
            known[content] = described.name
        except UserError as error:
            added.sentences.append(str(error))
        except MemoryError:
            added.sentences.append(f"{file} is larger than the memory that is free; close other programs.")
        tell(n + 1)
    return added


def _known(project: Project) -> dict[tuple[int, str], str]:
    found = {}
    for image in project.images:
        file = project.image(image.id).description.file
        if file is not None:
            found[file.size, file.digest] = image.name
    return found
