"""Drive the loop in a real window: segment untrained, paint, train, correct, train again; keep pictures and numbers.

Run by ``make demo`` where there is no display. Writes into the folder that is named: a picture of every step, the
labels, the table of objects and a report with the scores without training, before and after the correction, read only
where nothing was painted or corrected, on generated cells whose truth is exact.
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt
from real_window import Point, RealWindow
from scipy import ndimage
from skimage.measure import find_contours

from napari_unet.objects.measures import foreground_iou, match
from napari_unet.samples import touching_cells
from napari_unet.session import Which

BRUSH = 5
N_PAINTED = 6
N_DELETED, N_REDRAWN, N_ACCEPTED = 3, 3, 6


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=1.0, help="of each of the two trainings")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for old in options.out.glob("*.png"):
        old.unlink()
    Demo(options.out, options.minutes).run()


class Demo:
    """The loop, step by step."""

    def __init__(self, out: Path, minutes: float) -> None:
        self.out, self.minutes = out, minutes
        self.sample = touching_cells()
        self.truth = self.sample.truth
        image = {"name": self.sample.name, "scale": (self.sample.pixel_size_um,) * 2, "units": ("um", "um")}
        self.window = RealWindow([(self.sample.image, image, "image")], (1400, 900))
        self.dock, self.loop, self.session = self.window.dock, self.window.loop, self.window.loop.session
        self.n_pictures = 0
        self.said: list[str] = []
        self.loop.said.connect(lambda level, sentence: self.said.append(f"{level}: {sentence}"))

    def run(self) -> None:
        """Do everything and write the report."""
        self.picture("opened")
        self.segment()
        untrained = self.session.result(())
        self.paint()
        self.train("first round")
        before = self.session.result(())
        corrected = self.correct()
        self.train("second round")
        after = self.session.result(())
        self.undo_and_redo()
        self.session.save_labels(self.out / "labels.tif")
        self.session.save_table(self.out / "objects.csv")
        self.session.save_model(self.out / "model.safetensors")
        self.report(
            {
                "without training": untrained,
                "after the first round": before,
                "after correction and second round": after,
            },
            corrected,
        )
        self.window.close()

    def segment(self) -> None:
        """Press Segment before anything was painted or trained: the bundled network makes a first overlay."""
        shown = self.loop.n_segmented
        self.window.click(self.dock.segment.this_plane)
        self.window.wait(lambda: self.loop.n_segmented > shown, 120, "The first segmentation")
        self.picture("first overlay without training")

    def paint(self) -> None:
        """Make the annotation layer and paint a few cells with the brush, then the background around them."""
        self.window.click(self.dock.annotate.new.start)
        chosen = choose_cells(self.truth, N_PAINTED)
        layer = self.loop.layers.layer(Which.ANNOTATION)
        layer.brush_size = BRUSH
        self.window.click(self.dock.annotate.brushes.new_object)
        for value in chosen:
            self.paint_cell(self.truth == value)
        self.picture("cells painted")
        self.window.click(self.dock.annotate.brushes.background)
        layer.brush_size = BRUSH
        layer.preserve_labels = True  # napari's own tick: what is painted already stays
        others = (self.truth > 0) & ~np.isin(self.truth, chosen)
        for value in chosen:
            for outline in outlines(ndimage.binary_dilation(self.truth == value, iterations=BRUSH - 2)):
                for piece in pieces_clear_of(others, outline):
                    self.window.stroke(piece)
        layer.preserve_labels = False
        for stroke in empty_strokes(self.truth):
            self.window.stroke(stroke)
        self.picture("background painted")

    def paint_cell(self, mask: NDArray[np.bool_]) -> None:
        """Fill one cell with strokes that stay inside it: along its outline, then rings further in."""
        inside = ndimage.binary_erosion(mask, iterations=BRUSH // 2)
        while inside.any():
            for outline in outlines(inside):
                self.window.stroke(outline)
            inside = ndimage.binary_erosion(inside, iterations=BRUSH - 2)
        self.window.stroke([inner_point(mask)] * 2)

    def train(self, name: str) -> None:
        """Press Train, paint on meanwhile, wait, and look at the overlay that follows."""
        budget = self.dock.train.budget
        budget.setCurrentIndex(budget.findData(self.minutes) if budget.findData(self.minutes) >= 0 else 0)
        shown = self.loop.n_segmented
        self.window.click(self.dock.train.train)
        if self.loop.training is None:
            raise SystemExit(f"The training did not start: {self.said[-1]}")
        self.window.wait(lambda: len(self.loop.reports) > 20, 120, "The training's start")
        self.picture(f"{name}, training")
        self.window.wait(lambda: self.loop.training is None, 120 * self.minutes + 120, "The training")
        self.window.wait(lambda: self.loop.n_segmented > shown, 120, "The segmentation")
        self.window.show_in_dock(self.dock.segment)
        self.picture(f"{name}, segmented")

    def correct(self) -> str:
        """Delete what is no cell, redraw cells that were found as one, accept what is right."""
        layer = self.loop.layers.layer(Which.SEGMENTATION)
        self.window.click(self.dock.correct.edit)
        shown = self.session.segmentation.copy()
        false, merged, right = judge(shown, self.truth, self.session.annotation)
        layer.mode, layer.selected_label = "fill", 0
        for value in [*false[:N_DELETED], *merged[:N_REDRAWN]]:
            self.window.click_at(inner_point(shown == value))
        layer.mode, layer.brush_size = "paint", BRUSH
        redrawn = 0
        for value in merged[:N_REDRAWN]:
            for cell in cells_under(shown == value, self.truth):
                layer.selected_label = int(self.session.segmentation.max()) + 1
                self.paint_cell(self.truth == cell)
                redrawn += 1
        for value in right[:N_ACCEPTED]:
            self.window.click(self.dock.correct.pick)
            self.window.click_at(inner_point(shown == value))
            self.window.click(self.dock.correct.accept_object)
        self.window.show_in_dock(self.dock.correct)
        self.picture("corrected")
        return (
            f"{len(false[:N_DELETED])} false objects deleted, {redrawn} cells redrawn that had been found as "
            f"{len(merged[:N_REDRAWN])}, {len(right[:N_ACCEPTED])} right ones accepted"
        )

    def undo_and_redo(self) -> None:
        """Take the last action back and do it again by keys: nothing must differ."""
        self.loop.layers.edit(Which.SEGMENTATION, "pan_zoom")
        before = self.session.segmentation.copy()
        self.window.press_key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        undone = self.session.segmentation.copy()
        shift = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        self.window.press_key(Qt.Key.Key_Z, shift)
        if np.array_equal(before, undone) or not np.array_equal(before, self.session.segmentation):
            raise SystemExit("Undo and redo by keys did not give back the segmentation.")

    def report(self, results: dict[str, NDArray[np.int32]], corrected: str) -> None:
        """Write the scores of results where nothing was painted or corrected."""
        untouched = self.session.annotation == 0
        lines = [
            "# The loop on generated touching cells",
            "",
            f"{time.strftime('%Y-%m-%d %H:%M')}, {platform.platform()}, Python {platform.python_version()}",
            "",
            f"{N_PAINTED} of {self.truth.max()} cells painted; corrected: {corrected}; two trainings "
            f"of at most {self.minutes:g} min, the first from the bundled network. "
            f"Scores only where nothing was painted or corrected "
            f"({untouched.mean():.0%} of the pixels).",
            "",
            "| | F1 at IoU 0.5 | AP at IoU 0.5 | objects found | missed | too many | foreground IoU |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, labels in results.items():
            found = match(labels, self.truth, 0.5, valid=untouched)
            iou = foreground_iou(labels, self.truth, valid=untouched)
            lines.append(
                f"| {name} | {found.f1:.3f} | {found.ap:.3f} | {found.tp} | {found.fn} | {found.fp} | {iou:.3f} |"
            )
        lines += ["", "Rounds:", ""]
        lines += [f"- {done.name}: {' '.join(done.sentences)}" for done in self.session.rounds.all]
        lines += ["", "What the window said:", ""] + [f"- {sentence}" for sentence in self.said]
        (self.out / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
        print("\n".join(lines))

    def picture(self, name: str) -> None:
        """Keep a picture of the whole window."""
        self.n_pictures += 1
        self.window.picture(self.out / f"{self.n_pictures:02d} {name}.png".replace(" ", "-").replace(",", ""))


def outlines(mask: NDArray[np.bool_]) -> list[list[Point]]:
    """Return the outlines of a mask as closed lines, inside the image, a point every few px."""
    lines = []
    for contour in find_contours(np.pad(mask, 1).astype(float), 0.5):
        points = contour[::2] - 1
        height, width = mask.shape
        inside = [(float(np.clip(y, 0, height - 1)), float(np.clip(x, 0, width - 1))) for y, x in points]
        lines.append([*inside, inside[0]])
    return lines


def pieces_clear_of(others: NDArray[np.bool_], line: list[Point]) -> list[list[Point]]:
    """Return the parts of a line on which the brush touches none of the other cells, as a careful person paints."""
    clear = ndimage.distance_transform_edt(~others)
    pieces: list[list[Point]] = [[]]
    for y, x in line:
        if clear[round(y), round(x)] > BRUSH / 2 + 1:
            pieces[-1].append((y, x))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if len(piece) > 1]


def choose_cells(truth: NDArray[np.int32], n: int) -> list[int]:
    """Return neighbouring cells near the middle, so that the gap between touching ones is taught as well."""
    values = [v for v in range(1, int(truth.max()) + 1) if (truth == v).any()]
    centers = np.array(ndimage.center_of_mass(truth > 0, truth, values))
    distance = np.linalg.norm(centers - np.array(truth.shape) / 2, axis=1)
    return [values[i] for i in np.argsort(distance)[:n]]


def empty_strokes(truth: NDArray[np.int32]) -> list[list[Point]]:
    """Return two short strokes where no cell is near, as a person would draw them."""
    far = ndimage.distance_transform_edt(truth == 0)
    strokes: list[list[Point]] = []
    for _ in range(2):
        y, x = inner_point(far > 2 * BRUSH)
        if far[int(y), int(x)] == 0:
            break
        strokes.append([(y, x + step) for step in range(-10, 11, 2)])
        far[max(int(y) - 60, 0) : int(y) + 60, max(int(x) - 60, 0) : int(x) + 60] = 0
    return strokes


def judge(
    labels: NDArray[np.int32], truth: NDArray[np.int32], annotation: NDArray[np.int32]
) -> tuple[list[int], list[int], list[int]]:
    """Return objects that are no cell, that are two to four cells, and that are right; largest errors first."""
    false, merged, right = [], [], []
    for value in range(1, int(labels.max()) + 1):
        mask = labels == value
        if not mask.any() or annotation[mask].any():
            continue
        cells = cells_under(mask, truth)
        area = int(mask.sum())
        if not cells and not truth[mask].any():
            false.append((area, value))
        elif 2 <= len(cells) <= 4:
            merged.append((area, value))
        elif (
            len(cells) == 1 and (mask & (truth == cells[0])).sum() > 0.85 * (mask | (truth == cells[0])).sum()
        ):
            right.append((area, value))
    return tuple([value for _, value in sorted(found, reverse=True)] for found in (false, merged, right))


def cells_under(mask: NDArray[np.bool_], truth: NDArray[np.int32]) -> list[int]:
    """Return the cells of which more than half lies under a mask."""
    inside = np.bincount(truth[mask], minlength=int(truth.max()) + 1)
    whole = np.bincount(truth.ravel())
    return [int(v) for v in np.flatnonzero(2 * inside > whole) if v]


def inner_point(mask: NDArray[np.bool_]) -> Point:
    """Return the pixel of a mask that lies deepest inside it."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), mask.shape)
    return float(y), float(x)


if __name__ == "__main__":
    main()
