"""A real viewer with the dock open, and a check that no test leaves a widget behind."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("NAPARI_ASYNC", "0")


@pytest.fixture(autouse=True, scope="session")
def _torch_is_loaded() -> None:
    """Load PyTorch before the first test: loaded in a thread, as in the window, it takes longer than a test waits.

    napari's fixture collects garbage twice a test, which takes a second with all modules loaded; they are left out.
    """
    import napari._qt.qt_main_window  # noqa: F401

    import napari_unet._qt.dock
    import napari_unet.workflow.training  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_widget_is_left(qapp: Any, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test after which a top-level widget of ours is still alive."""
    from qtpy.QtCore import QCoreApplication, QEvent

    before = {id(widget) for widget in qapp.topLevelWidgets()}

    def left_over() -> list[str]:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        qapp.processEvents()
        ours = [w for w in qapp.topLevelWidgets() if type(w).__module__.startswith("napari_unet")]
        return [type(widget).__name__ for widget in ours if id(widget) not in before]

    yield
    left = left_over()
    if left:  # collecting takes half a second: only where it may change the answer
        gc.collect()
        left = left_over()
    if getattr(request.node, "rep_call", None) is not None and request.node.rep_call.failed:
        return  # the test's own failure says more
    assert not left, f"left behind: {left}"


@pytest.fixture
def open_dock(make_napari_viewer: Callable[..., Any]) -> Iterator[Callable[..., tuple[Any, Any]]]:
    """Return a function that opens a viewer with the dock; jobs that still run are ended afterwards."""
    from napari_unet._qt import loops

    def open_one(*, show: bool = False, size: tuple[int, int] = (1400, 900)) -> tuple[Any, Any]:
        from napari_unet._qt.dock import Dock

        viewer = make_napari_viewer(show=show)
        dock = Dock(viewer)
        viewer.window.add_dock_widget(dock, name="U-Net", area="right")
        if show:
            viewer.window.resize(*size)
        return viewer, dock

    yield open_one
    from superqt.utils import WorkerBase

    for loop in loops.all_loops():
        loop.end()
    WorkerBase.await_workers(30_000)


@pytest.fixture(scope="module")
def window_of_file(qapp: Any) -> Iterator[Callable[[], Any]]:
    """Return a function that gives the window that the tests of a file share: making one takes two seconds."""
    from app_model import Application
    from napari import Viewer
    from napari._app_model._app import NapariApplication, _napari_names
    from napari._qt._qapp_model.qactions import init_qactions
    from napari._qt.qt_viewer import QtViewer
    from napari.plugins import _initialize_plugins

    windows: list[Any] = []
    app = NapariApplication("one for a file")  # as napari's own fixture makes one for a test
    app.injection_store.namespace = _napari_names
    for initialised in (_initialize_plugins, init_qactions):
        initialised.cache_clear()

    def window() -> Any:
        if not windows:
            windows.append(Viewer(show=True, show_welcome_screen=False))
        return windows[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari._qt.threads.status_checker.StatusChecker.start", lambda *_: None)
        patch.setattr(NapariApplication, "get_app_model", lambda: app)
        yield window
        for viewer in windows:
            viewer.close()
        qapp.processEvents()
        windows.clear()
        Application.destroy(app.name)
        for initialised in (_initialize_plugins, init_qactions):
            initialised.cache_clear()
        QtViewer._instances.clear()  # or napari's own fixture takes it for one that a test has left behind


@pytest.fixture
def open_dock_in_shared_window(
    window_of_file: Callable[[], Any], qtbot: Any
) -> Iterator[Callable[[], tuple[Any, Any]]]:
    """As `open_dock(show=True)`, in the window that the tests of this file share; it is emptied afterwards."""
    from napari_unet._qt import loops

    opened: list[tuple[Any, Any]] = []

    def open_one() -> tuple[Any, Any]:
        from napari_unet._qt.dock import Dock

        viewer = window_of_file()
        dock = Dock(viewer)
        viewer.window.add_dock_widget(dock, name="U-Net", area="right")
        viewer.window.resize(1400, 900)
        opened.append((viewer, dock))
        return viewer, dock

    yield open_one
    from superqt.utils import WorkerBase

    for loop in loops.all_loops():
        loop.end()
    WorkerBase.await_workers(30_000)
    for viewer, dock in opened:
        viewer.window.remove_dock_widget(dock)
        dock.deleteLater()
        viewer.layers.clear()
        viewer.dims.reset()
        qtbot.wait(20)


@pytest.fixture
def begin(qapp: Any) -> Iterator[Callable[[], tuple[Any, Any]]]:
    """Return a function that begins a loop on a viewer without a window: (viewer model, loop)."""
    from napari.components import ViewerModel

    from napari_unet._qt.loops import loop_of

    viewers = []

    def begin_one() -> tuple[Any, Any]:
        viewer = ViewerModel()
        viewers.append(viewer)
        return viewer, loop_of(viewer)

    yield begin_one
    for viewer in viewers:
        loop_of(viewer).end()


@pytest.fixture
def dock(begin: Callable[[], Any], qtbot: Any) -> Any:
    """Return the dock over a viewer without a window, which is its attribute ``viewer``."""
    from napari_unet._qt.dock import Dock

    viewer, _ = begin()
    made = Dock(viewer)
    qtbot.addWidget(made)
    viewer.layers.events.inserted.connect(made.reset_choices)  # napari does it for docked widgets
    viewer.layers.events.removed.connect(made.reset_choices)
    made.viewer = viewer
    return made


@pytest.fixture
def discs() -> tuple[np.ndarray, np.ndarray]:
    """Return a small image of bright discs, uint8, and its labels in the project's coding."""
    yy, xx = np.mgrid[:96, :128]
    image = np.full((96, 128), 30, np.uint8)
    labels = np.zeros((96, 128), np.int32)
    for i, (y, x) in enumerate([(24, 24), (24, 64), (24, 104), (72, 24), (72, 64), (72, 104)]):
        inside = (yy - y) ** 2 + (xx - x) ** 2 < 12**2
        image[inside] = 190
        if i < 4:
            labels[(yy - y) ** 2 + (xx - x) ** 2 < 17**2] = 1
            labels[inside] = i + 2
    noise = np.random.default_rng(0).integers(0, 20, image.shape)
    return (image + noise).astype(np.uint8), labels


@pytest.fixture
def another_dock(begin: Any, qtbot: Any) -> Any:
    """Return a function that opens a second window without a window."""

    def open_one() -> Any:
        from napari_unet._qt.dock import Dock

        viewer, _ = begin()
        made = Dock(viewer)
        qtbot.addWidget(made)
        viewer.layers.events.inserted.connect(made.reset_choices)
        made.viewer = viewer
        return made

    return open_one
