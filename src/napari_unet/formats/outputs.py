"""Where results of files are written: one file, or a folder with a file for each that is read."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

from napari_unet.errors import UserError
from napari_unet.formats.images import name_of
from napari_unet.formats.paths import probabilities_path

TIFF = ".tif"


def choose_outputs(
    sources: Sequence[Path],
    found: Sequence[Path],
    output: Path,
    ending: str = TIFF,
    *,
    probabilities: bool = False,
) -> list[Path]:
    """Name the output of every file that is read, so that none of these is overwritten.

    Parameters
    ----------
    sources : sequence of Path
        What was given: with a folder or several files, `output` is a folder, which is made.
    found : sequence of Path
        The files that are read.
    output : Path
    ending : str
        Of what is written.
    probabilities : bool
        Whether probabilities are written as well.

    Raises
    ------
    UserError
        If two outputs would have one name, an output is an input, or a file can't hold several outputs.
    """
    endings = (ending, ending + "f") if ending.endswith(TIFF) else (ending,)
    is_file = output.name.lower().endswith(endings) and (not output.is_dir() or ending == ".zarr")
    if is_file and (
        len(found) > 1 or any(source.is_dir() and source.suffix != ".zarr" for source in sources)
    ):
        raise UserError(f"{output} is one file; for a folder or several images give a folder.")
    if not is_file and output.suffix and not output.is_dir() and "." in output.name.strip("."):
        kind = "Label images are written as TIFF" if ending == TIFF else "That is another kind of file"
        raise UserError(f"{kind}: {output} must end in {ending}, or be a folder.")
    targets = [output] if is_file else [output / f"{name_of(path)}{ending}" for path in found]
    every = targets + [probabilities_path(target) for target in targets if probabilities]
    inputs = {path.resolve() for path in found}
    for target in every:
        if target.resolve() in inputs:
            raise UserError(f"{target} would overwrite a file that is read; give another place with -o.")
    if len(set(every)) < len(every):
        twice = next(a for a, b in itertools.pairwise(sorted(every)) if a == b)
        raise UserError(f"Two images would be written to {twice}; write them into different folders.")
    folder = targets[0].parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} could not be made: {error.strerror}.") from error
    return targets
