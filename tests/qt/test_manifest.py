"""What napari is told about the plugin."""

from __future__ import annotations

import subprocess
import sys

from npe2 import PluginManifest


def test_the_manifest_is_valid_and_all_it_names_can_be_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "npe2", "validate", "napari-unet", "--imports"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_reader_takes_other_peoples_files() -> None:
    manifest = PluginManifest.from_distribution("napari-unet")
    assert not manifest.contributions.readers


def test_opening_the_dock_loads_no_torch() -> None:
    code = (
        "import sys, numpy as np\n"
        "from napari_unet._qt.dock import Dock\n"
        "import napari\n"
        "viewer = napari.Viewer(show=False)\n"
        "viewer.add_image(np.zeros((32, 32), np.uint8))\n"
        "dock = Dock(viewer)\n"
        "viewer.window.add_dock_widget(dock)\n"
        "from qtpy.QtWidgets import QApplication\n"
        "QApplication.processEvents()\n"
        "assert dock.loop.session.image is not None\n"
        "assert 'torch' not in sys.modules, 'torch was loaded'\n"
        "viewer.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
