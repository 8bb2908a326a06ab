"""Small images with labels on disk, and a way to run the command line in this process."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_unet.cli import app
from napari_unet.synthetic.cells import touching_cells


class Shell:
    """Runs commands and checks what every failing command must fulfil."""

    def __init__(self) -> None:
        self.runner = CliRunner()

    def run(self, *arguments):
        result = self.runner.invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.stderr
        return result

    def fail(self, *arguments) -> str:
        """Run a command that must fail with exit code 1 and one sentence, which is returned."""
        result = self.runner.invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 1, (result.exit_code, result.stdout, result.stderr)
        lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1, result.stderr
        assert "Traceback" not in result.stderr
        assert lines[0].endswith(".")
        return lines[0].removeprefix("Error: ")


@pytest.fixture
def shell():
    return Shell()


@pytest.fixture(scope="session")
def cells() -> list[tuple[np.ndarray, np.ndarray]]:
    return [touching_cells((80, 96), diameter=18, seed=seed) for seed in (1, 2)]


@pytest.fixture
def folder(tmp_path, cells) -> Path:
    """A folder with ``images/`` and ``labels/``: two images of cells and their truth."""
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    for k, (image, truth) in enumerate(cells):
        tifffile.imwrite(tmp_path / "images" / f"cell{k}.tif", image)
        tifffile.imwrite(tmp_path / "labels" / f"cell{k}.tif", truth.astype(np.uint16))
    return tmp_path
