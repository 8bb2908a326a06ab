"""Make the pictures of the documentation from the real window; ``tools/screen`` gives it a virtual display.

Opens the coins, trains, segments, corrects one coin, and keeps a picture of each step in ``docs/images``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from real_window import RealWindow

from napari_unet.samples import coins_layers, touching_cells_layers
from napari_unet.session import Which

SIZE = (1400, 900)


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs" / "images")
    parser.add_argument("--minutes", type=float, default=1.0, help="of the training")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    draw_loop(options.out, options.minutes)
    draw_weights(options.out)


def draw_loop(out: Path, minutes: float) -> None:
    """Keep the steps of the loop on the coins, in the dark theme, and the result in the light one."""
    window = RealWindow(coins_layers(), SIZE)
    dock, loop = window.dock, window.loop
    window.settle(1)
    window.picture(out / "annotate.png")
    budget = dock.train.budget
    if budget.findData(minutes) < 0:
        raise SystemExit(f"The window offers no training of {minutes:g} min.")
    budget.setCurrentIndex(budget.findData(minutes))
    window.click(dock.train.train)
    window.wait(lambda: bool(loop.reports) and loop.reports[-1].fraction > 0.6, 300, "The training")
    window.show_in_dock(dock.sections[2])
    window.picture(out / "train.png")
    window.wait(lambda: loop.training is None, 300, "The training")
    window.wait(lambda: loop.n_segmented > 0, 120, "The segmentation")
    dock.sections[1].set_open(False)
    window.settle(0.5)
    window.show_in_dock(dock.sections[3])
    window.picture(out / "window.png")
    correct_one(window)
    dock.sections[2].set_open(False)
    window.settle(0.5)
    window.show_in_dock(dock.sections[4])
    window.picture(out / "correct.png")
    window.viewer.theme = "light"
    window.picture(out / "window-light.png")
    window.close()


def correct_one(window: RealWindow) -> None:
    """Draw a little more on an object that the network found, as a person does who corrects it."""
    loop = window.loop
    found = loop.session.segmentation
    new = [v for v in np.unique(found) if v and not loop.session.annotation[found == v].any()]
    if not new:
        return
    rows, columns = np.nonzero(found == new[0])
    window.click(window.dock.correct.edit)
    layer = loop.layers.layer(Which.SEGMENTATION)
    layer.selected_label = int(new[0])
    layer.brush_size = 6
    window.stroke([(rows.min(), columns.mean()), (rows.min() + 2, columns.mean() + 8)])


def draw_weights(out: Path) -> None:
    """Keep the weight map between touching cells, and the patches as the network sees them."""
    window = RealWindow(touching_cells_layers(), SIZE)
    dock = window.dock
    window.settle(2)
    dock.train.advanced.set_open(True)
    advanced = dock.train.advanced.body
    advanced.weights_fold.set_open(True)
    window.settle(0.5)
    window.click(advanced.show_weights)
    where = np.argwhere(window.loop.session.annotation == 4).mean(axis=0)
    window.loop.layers.go_to(where)
    window.viewer.scene.camera.zoom *= 2.5
    window.loop.layers.layer(Which.ANNOTATION).opacity = 0.35
    window.settle(1)
    window.picture(out / "weight-map.png")
    advanced.weights_fold.set_open(False)
    advanced.augmentation_fold.set_open(True)
    window.settle(0.5)
    advanced.strip.draw()
    window.wait(lambda: advanced.strip.is_drawn(), 60, "Drawing the patches")
    window.show_in_dock(advanced.strip)
    window.picture(out / "patches.png")
    window.close()


if __name__ == "__main__":
    main()
