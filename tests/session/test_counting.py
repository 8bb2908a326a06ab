"""The number of objects that are shown is known without searching the whole plane again."""

from __future__ import annotations

import numpy as np
import pytest

from napari_unet.objects.edit import Change
from napari_unet.session import counting
from napari_unet.session.canvas import Canvas
from napari_unet.session.counting import ObjectCount
from napari_unet.session.history import Action, Which

SIDE = 64


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many pixels are searched, in tiles of 64 px so that a small plane has many."""
    pixels: list[int] = []
    search = counting.values_present

    def noting(labels: np.ndarray, smallest: int = 2) -> np.ndarray:
        pixels.append(labels.size)
        return search(labels, smallest)

    monkeypatch.setattr(counting, "values_present", noting)
    monkeypatch.setattr(counting, "SIDE", SIDE)
    return pixels


def canvas_with(labels: np.ndarray) -> Canvas:
    canvas = Canvas()
    canvas.start(Which.SEGMENTATION, labels)
    return canvas


def fill(canvas: Canvas, offset: tuple[int, ...], shape: tuple[int, ...], value: int) -> None:
    box = tuple(slice(o, o + n) for o, n in zip(offset, shape, strict=True))
    old = canvas.arrays[Which.SEGMENTATION][box].copy()
    canvas.do(Action("Paint", ((Which.SEGMENTATION, Change(offset, old, np.full_like(old, value))),)))


def scattered(shape: tuple[int, ...]) -> np.ndarray:
    labels = np.zeros(shape, np.int32)
    for number, (y, x) in enumerate(np.ndindex(shape[-2] // 20, shape[-1] // 20), start=1):
        labels[..., 20 * y : 20 * y + 12, 20 * x : 20 * x + 12] = number
    return labels


def test_a_stroke_on_a_large_plane_searches_the_tiles_it_touched(searched: list[int]) -> None:
    labels = scattered((1000, 1000))
    canvas = canvas_with(labels)
    count = ObjectCount(canvas)
    assert count.count(()) is None, "too large to wait for"
    assert searched == []
    task = count.prepare(())
    assert task is not None
    count.finish(task, task.run())
    assert count.count(()) == len(np.unique(labels)) - 1
    searched.clear()
    fill(canvas, (210, 330), (40, 40), 90_000)
    assert count.count(()) == len(np.unique(labels)) - 1
    assert 0 < sum(searched) <= 4 * SIDE**2
    searched.clear()
    canvas.undo()
    assert count.count(()) == 2500
    assert sum(searched) <= 4 * SIDE**2
    searched.clear()
    assert count.count(()) == 2500
    assert searched == [], "nothing changed"


def test_what_changed_while_it_was_counted_is_counted_again(searched: list[int]) -> None:
    canvas = canvas_with(np.zeros((1000, 1000), np.int32))
    count = ObjectCount(canvas)
    count.count(())
    task = count.prepare(())
    assert task is not None
    found = task.run()
    fill(canvas, (500, 500), (10, 10), 3)
    count.finish(task, found)
    assert count.count(()) == 1


def test_a_count_of_a_plane_that_was_left_is_not_taken(searched: list[int]) -> None:
    stack = np.zeros((2, 1000, 1000), np.int32)
    canvas = canvas_with(stack)
    count = ObjectCount(canvas)
    count.count((0,))
    task = count.prepare((0,))
    assert task is not None
    found = task.run()
    count.count((1,))
    fill(canvas, (0, 0, 0), (1, 10, 10), 7)
    assert count.count((0,)) is None
    count.finish(task, found)
    assert count.count((0,)) is None
    task = count.prepare((0,))
    assert task is not None
    count.finish(task, task.run())
    assert count.count((0,)) == 1


def test_other_planes_change_nothing_and_a_new_array_everything(searched: list[int]) -> None:
    canvas = canvas_with(scattered((3, 100, 100)))
    count = ObjectCount(canvas)
    assert count.count((1,)) == 25
    searched.clear()
    fill(canvas, (0, 0, 0), (1, 50, 50), 77)
    assert count.count((1,)) == 25
    assert searched == []
    fill(canvas, (0, 0, 0), (3, 50, 50), 78)  # through the stack
    assert count.count((1,)) == len(np.unique(canvas.arrays[Which.SEGMENTATION][1])) - 1
    canvas.start(Which.SEGMENTATION, np.ones((3, 100, 100), np.int32))
    assert count.count((1,)) == 1
    canvas.clear()
    assert count.count((1,)) == 0
