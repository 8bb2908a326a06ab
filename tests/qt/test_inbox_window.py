"""The inbox in a real window: the list, the keys, what is drawn, and answers that undo takes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from driving import add_discs, canvas_of
from napari.components import ViewerModel
from napari.layers import Labels
from napari.utils.action_manager import action_manager
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication
from scipy import ndimage as ndi

from napari_unet._qt.correction.tools import TOOLS
from napari_unet._qt.inbox.desk import KEYS
from napari_unet._qt.inbox.drawing import NAME
from napari_unet.errors import Stopped
from napari_unet.objects.doubts.doubt import Doubt, Kind
from napari_unet.session import Which
from napari_unet.session.inbox import Found, InboxTask
from napari_unet.session.mirrors import MirrorTask
from napari_unet.session.stored import Stored


def discs_and_truth() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:96, :128]
    truth = np.zeros((96, 128), np.int32)
    for i, (cy, cx) in enumerate([(24, 20), (24, 39), (24, 80), (72, 24), (72, 64), (72, 100)], start=1):
        truth[((y - cy) ** 2 + (x - cx) ** 2 <= 10**2) & (truth == 0)] = i
    found = np.where(truth == 2, 1, np.where(truth == 6, 0, truth)).astype(np.int32)
    return truth, found


def press(viewer: Any, key: str) -> None:
    canvas_of(viewer).setFocus()
    QTest.keyClick(canvas_of(viewer), getattr(Qt.Key, f"Key_{key}"))
    QApplication.processEvents()


@pytest.fixture
def window(open_dock_in_shared_window: Callable[..., Any], qtbot: Any) -> tuple[Any, Any, np.ndarray]:
    """A shown window whose segmentation holds a merged pair and misses one: (viewer, dock, truth)."""
    truth, found = discs_and_truth()
    viewer, dock = open_dock_in_shared_window()
    viewer.add_image(ndi.gaussian_filter((truth > 0).astype(np.float32), 1.0), name="cells")
    qtbot.wait(100)
    dock.annotate.new.start.click()
    session = dock.loop.session
    session.segmenting.show((), found, "Segment")
    seen = ndi.gaussian_filter((truth > 0).astype(np.float32), 1.0)
    background = (1 - seen * np.where(truth == 6, 0.4, 0.97)).astype(np.float16)
    session.separating.stored.put_back((), Stored(np.stack([background, 1 - background]), None, 1.0, 20.0))
    desk = dock.correct.inbox.desk
    dock.loop.segmented.emit()
    qtbot.waitUntil(lambda: not desk.looking and desk.found is not None, timeout=20_000)
    viewer.layers.selection.active = dock.loop.layers.layer(Which.SEGMENTATION)
    return viewer, dock, truth


def test_keys_go_fix_accept_and_skip(window: Any) -> None:
    viewer, dock, truth = window
    session, panel = dock.loop.session, dock.correct.inbox
    desk = panel.desk
    before = session.segmentation.copy()
    assert panel.list.count() == len(desk.open) >= 2
    active = viewer.layers.selection.active
    press(viewer, KEYS["go"])
    first = desk.current
    assert first.kind is Kind.TWO_IN_ONE
    assert viewer.layers.selection.active == active, "tools and keys stay those of the layer"
    assert NAME in viewer.layers
    assert np.allclose(np.asarray(viewer.scene.camera.center)[-2:], (24, 29.5), atol=2)
    assert "in pink" in dock.messages.text()
    press(viewer, KEYS["fix"])
    assert len(np.unique(session.segmentation[(truth == 1) | (truth == 2)])) == 2
    assert (session.annotation[(truth == 1) | (truth == 2)] >= 2).all()
    assert first not in desk.open
    assert desk.current is not None, "the next one is shown at once"
    while desk.current.kind is not Kind.MISSED:
        press(viewer, KEYS["skip"])
    press(viewer, KEYS["accept"])
    assert session.annotation[72, 100] == 1
    dock.loop.undo()
    dock.loop.undo()
    np.testing.assert_array_equal(session.segmentation, before)
    assert not session.annotation.any()
    assert first in desk.open, "what was taken back is to be answered again"


def test_a_click_in_the_list_goes_there_and_another_correction_empties_it(window: Any) -> None:
    viewer, dock, _ = window
    panel = dock.correct.inbox
    item = panel.list.item(0)
    panel.list.itemClicked.emit(item)
    assert panel.desk.current is panel.desk.open[0]
    assert panel.list.currentRow() == 0
    dock.loop.session.correcting.delete((), (24, 20))
    dock.loop.edited.emit()
    assert panel.desk.current is None
    assert NAME not in viewer.layers
    assert all(doubt.kind is not Kind.TWO_IN_ONE for doubt in panel.desk.open)


def test_where_to_paint_next_is_shown(window: Any) -> None:
    viewer, dock, _ = window
    panel = dock.correct.inbox
    panel.desk.go()
    assert not panel.part.isHidden()
    panel.part.click()
    assert NAME in viewer.layers
    assert "least sure" in dock.messages.text()
    assert panel.list.currentRow() == -1


def test_the_keys_work_after_a_click_in_the_list_whatever_layer_was_active(window: Any) -> None:
    viewer, dock, _ = window
    viewer.layers.selection.active = viewer.layers["cells"]
    dock.correct.inbox.go.click()
    first = dock.correct.inbox.desk.current
    press(viewer, KEYS["skip"])
    assert first not in dock.correct.inbox.desk.open


def test_the_mirror_image_is_looked_at_in_a_thread_and_the_entry_on_screen_stays(
    dock: Any, discs: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, threads = threading.Event(), []

    def see_nothing(task: MirrorTask, should_stop: Callable[[], bool]) -> np.ndarray:
        threads.append(threading.current_thread())
        assert go_on.wait(30)
        return np.zeros(task.stored.probabilities.shape[1:], np.float16)

    monkeypatch.setattr(MirrorTask, "run", see_nothing)
    add_discs(dock, discs)
    desk = dock.correct.inbox.desk
    dock.loop.segment([()])
    qtbot.waitUntil(lambda: threads != [] and not desk.looking, timeout=60_000)
    free = next(v for v in np.unique(dock.loop.session.segmentation[60:, 50:]).tolist() if v)
    first = Doubt(Kind.FAINT, (free,), (72, 64), (slice(60, 84), slice(52, 76)), 0.5, "Faint.")
    desk.found = replace(desk.found, doubts=(first,))
    desk._prune()
    desk.go(first)
    go_on.set()
    qtbot.waitUntil(lambda: any(d.kind is Kind.MIRROR for d in desk.open), timeout=30_000)
    assert threads[0] is not threading.main_thread()
    assert desk.current.kind is Kind.MIRROR
    assert desk.current.values == (free,), "the same object is looked at"
    panel = dock.correct.inbox
    assert "mirror image" in panel.list.item(0).text()
    assert "0 % in the mirror image" in panel.list.item(0).toolTip()
    panel.fix.click()
    assert not (dock.loop.session.segmentation == free).any()
    assert len(threads) == 1, "once per segmentation"


def test_keys_are_used_by_nobody_else() -> None:
    taken = {tool.key for tool in TOOLS} | {"Y"}
    for name, action in action_manager._actions.items():
        if action.keymapprovider in (Labels, ViewerModel):
            taken |= {str(key) for key in default_shortcuts.get(name, ())}
    assert {"M", "E"} <= taken, "napari's own are among them"
    assert set(KEYS.values()).isdisjoint(taken)


def test_what_was_found_in_one_image_is_not_shown_on_the_next(
    dock: Any, discs: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, look = threading.Event(), InboxTask.run
    looked: list[Found] = []

    def look_late(task: InboxTask, should_stop: Callable[[], bool]) -> Found:
        assert go_on.wait(30)
        looked.append(look(task))
        return looked[-1]

    monkeypatch.setattr(InboxTask, "run", look_late)
    add_discs(dock, discs)
    session, desk = dock.loop.session, dock.correct.inbox.desk
    found = np.where(discs[1] > 1, discs[1] - 1, 0).astype(np.int32)
    seen = np.where(found > 0, 0.55, 0.02).astype(np.float16)
    for _ in range(2):
        session.segmenting.show((), found, "Segment")
        session.separating.stored.put_back((), Stored(np.stack([1 - seen, seen]), None, 1.0, 20.0))
        if desk.looking:
            break
        desk.look()
        other = dock.viewer.add_image(discs[0], name="other")
        dock.loop.layers.choose_images([other], anew=True)
    go_on.set()
    qtbot.waitUntil(lambda: not desk.looking, timeout=30_000)
    assert looked
    assert desk.found is None


def test_after_the_end_no_mirror_image_is_looked_at(
    dock: Any, discs: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, begun = threading.Event(), []

    def see_nothing(task: MirrorTask, should_stop: Callable[[], bool]) -> np.ndarray:
        begun.append(task)
        assert go_on.wait(30)
        raise Stopped

    monkeypatch.setattr(MirrorTask, "run", see_nothing)
    add_discs(dock, discs)
    dock.loop.segment([()])
    qtbot.waitUntil(lambda: begun != [], timeout=60_000)
    looking = dock.correct.inbox.desk._mirror
    dock.loop.end()
    go_on.set()
    qtbot.waitUntil(lambda: looking._job is None, timeout=30_000)
    qtbot.wait(700)
    assert len(begun) == 1
