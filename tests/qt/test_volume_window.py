"""Planes or volume: the choice in the window, and a round of volumes that is trained and shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from driving import train_a_little, words

SAID = {"coding": "project", "labels_are": "objects", "class_names": ()}


def open_stack(open_dock: Any) -> tuple[Any, Any]:
    """A stack of two balls with planes 4 and 6 painted."""
    viewer, dock = open_dock()
    z, y, x = np.ogrid[:10, :64, :64]
    balls = np.zeros((10, 64, 64), np.int32)
    for number, (b, c) in enumerate([(20, 20), (44, 44)], start=2):
        balls[((z - 5) * 4) ** 2 + (y - b) ** 2 + (x - c) ** 2 <= 14**2] = number
    noise = np.random.default_rng(0).normal(0, 20, balls.shape)
    viewer.add_image((100 + 400 * (balls > 0) + noise).astype(np.float32), name="balls", scale=(4, 1, 1))
    labels = np.zeros_like(balls)
    labels[[4, 6]] = np.maximum(balls[[4, 6]], 1)
    viewer.add_labels(labels, scale=(4, 1, 1), metadata={"napari_unet": SAID})
    dock.reset_choices()
    return viewer, dock


def test_planes_are_not_asked_for_a_volume(open_dock: Any, discs: Any) -> None:
    viewer, dock = open_dock()
    viewer.add_image(discs[0], name="discs")
    dock.show()
    dock.reset_choices()
    assert not dock.train.learn_from.isVisibleTo(dock.train)
    assert dock.train.settings().dimensions == 2


def test_a_volume_is_trained_and_segmented_in_the_window(open_dock: Any, qtbot: Any) -> None:
    _, dock = open_stack(open_dock)
    assert dock.train.learn_from.isVisibleTo(dock.train)
    assert dock.train.settings().dimensions == 2
    dock.train.kind.setCurrentIndex(dock.train.kind.findData(3))
    assert dock.train.settings().dimensions == 3
    assert dock.loop.session.state.training_choices.dimensions == 3
    assert "4 px apart" in dock.train.step_hint.text()
    dock.train.then.setChecked(True)
    train_a_little(dock, 2)
    qtbot.waitUntil(lambda: dock.loop.training is None, timeout=120_000)
    assert dock.loop.session.current is not None, words(dock)
    assert dock.loop.session.current.description.axes == "CZYX"
    qtbot.waitUntil(
        lambda: dock.loop.session.segmentation is not None and dock.loop.segmentation is None, timeout=60_000
    )
    dock.segment.scopes.pressed.emit(next(reversed(list(dock.segment.scopes.buttons))))
    qtbot.waitUntil(lambda: dock.loop.segmentation is None, timeout=60_000)
    found = dock.loop.session.segmentation
    painted = dock.loop.session.annotation[4] > 1
    assert (found[4][painted] > 0).all()  # what was painted lies on top
    assert all((z,) in dock.loop.session.separating.stored for z in range(10))
