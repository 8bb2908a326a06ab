"""Make the pictures of the documentation from the real window; ``tools/screen`` gives it a virtual display.

Opens the coins, trains, segments, corrects one coin, and keeps a picture of each step in ``docs/images``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from real_window import RealWindow

from napari_unet.samples import coins_layers, nuclei_stack_layers, touching_cells_layers
from napari_unet.session import Which
from napari_unet.session.scope import Scope
from napari_unet.session.through import Through

SIZE = (1400, 900)


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs" / "images")
    parser.add_argument("--minutes", type=float, default=1.0, help="of the training")
    draw = {
        "loop": lambda out: draw_loop(out, options.minutes),
        "weights": draw_weights,
        "images": draw_images,
        "stack": draw_stack,
        "live": draw_live,
    }
    parser.add_argument("--only", nargs="+", choices=draw, default=list(draw))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.only:
        draw[name](options.out)


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


def draw_images(out: Path) -> None:
    """Keep a project of several images, each a part of the coins, amidst the work."""
    picture = coins_layers()[0][0]
    half, third = picture.shape[0] // 2, picture.shape[1] // 3
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"coins {k + 1}.tif" for k in range(6)]
        for k, file in enumerate(files):
            y, x = half * (k // 3), third * (k % 3)
            tifffile.imwrite(file, picture[y : y + half, x : x + third])
        window = RealWindow([], SIZE)
        dock, loop = window.dock, window.loop
        loop.album.add(files)
        window.wait(lambda: len(loop.album.images) == 6 and not loop.album.busy, 60, "Adding the images")
        dock.image.album.list.setCurrentItem(dock.image.album._items()[0])
        window.click(dock.annotate.new.start)
        window.settle(0.5)
        for name in ("coins 2", "coins 3"):
            paint_cross(window)
            window.click(dock.image.album.done)
            window.click(dock.image.album.next)
            window.wait(lambda name=name: loop.session.image.name == name, 60, "Opening the next image")
        paint_cross(window)
        window.show_in_dock(dock.image.album.list)
        window.wait(lambda: loop.keeping.saved().startswith("saved"), 60, "Saving")
        window.picture(out / "images.png")
        window.close()


def draw_stack(out: Path) -> None:
    """Keep a stack of nuclei whose planes the bundled network has segmented, linked into 3D objects."""
    window = RealWindow(nuclei_stack_layers(), SIZE)
    dock, loop = window.dock, window.loop
    window.settle(2)
    through = dock.segment.linking.through
    through.setCurrentIndex(through.findData(Through.DEPTH))
    window.click(dock.segment.scopes.buttons[Scope.ALL])
    window.wait(lambda: loop.segmentation is None and loop.n_segmented > 0, 300, "The segmentation")
    window.settle(3)
    window.show_in_dock(dock.sections[3])
    window.picture(out / "stack.png")
    window.close()


def draw_live(out: Path) -> None:
    """Keep the overlay that follows a few strokes, before any training."""
    window = RealWindow(coins_layers()[:1], SIZE)
    dock, loop = window.dock, window.loop
    window.settle(2)
    window.click(dock.annotate.new.start)
    window.click(dock.annotate.live.live)
    loop.layers.layer(Which.ANNOTATION).brush_size = 8
    window.stroke([(50, 40), (52, 46), (48, 52)])
    window.stroke([(196, 150), (202, 158)])
    window.click(dock.annotate.brushes.background)
    window.stroke([(12, 30), (13, 200), (12, 330)])
    window.stroke([(100, 20), (95, 130), (98, 250)])
    window.wait(lambda: loop.session.segmentation is not None, 60, "The overlay")
    window.settle(8)
    window.show_in_dock(dock.sections[1])
    window.picture(out / "live.png")
    window.close()


def paint_cross(window: RealWindow) -> None:
    """Paint something with the mouse."""
    height, width = window.loop.session.image.plane_shape
    window.stroke([(height * 0.27, width * 0.59), (height * 0.33, width * 0.65)])
    window.stroke([(height * 0.81, width * 0.6), (height * 0.85, width * 0.66)])


if __name__ == "__main__":
    main()
