"""The end of the program ends the loop before Qt removes its parts, in whatever order it does that."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication, QMainWindow
from napari_unet._qt.loops import loop_of

app = QApplication([])
viewers, windows = [ViewerModel() for _ in range(3)], [QMainWindow() for _ in range(3)]
for viewer, window in zip(viewers, windows):
    loop_of(viewer).watch_window(window)
    loop_of(viewer).ended.connect(lambda: print("ended", flush=True))
{end}
"""


@pytest.mark.parametrize(("end", "code"), [("sys.exit(7)", 7), ("raise ValueError('oh')", 1)])
def test_a_program_that_ends_with_its_windows_open_ends_every_loop(end: str, code: int) -> None:
    program = PROGRAM.format(end=end)
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, env=environment
    )
    assert "has been deleted" not in ran.stderr
    assert ran.returncode == code, ran.stderr
    assert ran.stdout.split() == ["ended"] * 3
