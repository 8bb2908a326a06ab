"""Curves, strip, sections and the message line, each alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from qtpy.QtWidgets import QLabel

from napari_unet._qt.choice import Choice
from napari_unet._qt.colours import annotation_colours, segmentation_colours
from napari_unet._qt.curves import Curves
from napari_unet._qt.messages import MessageLine
from napari_unet._qt.patches import draw_patches
from napari_unet._qt.section import ElidedLabel
from napari_unet._qt.strip import Strip
from napari_unet._qt.training_words import STOP, words_of_stop
from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.network.augmentation import AugmentationSettings
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.session import ImageSource, Session


def report(step: int, loss: float, held_out: Any = None) -> SimpleNamespace:
    return SimpleNamespace(step=step, loss=loss, held_out=held_out)


def test_a_choice_gives_back_the_very_value_that_it_was_given(qtbot: Any) -> None:
    choice = Choice()
    qtbot.addWidget(choice)
    values = [Coding.MASKS, "masks too", ("a", Coding.PROJECT), None, 5.0, Coding.ILASTIK]
    for value in values:
        choice.addItem("text", value)
        choice.setCurrentIndex(choice.count() - 1)
        assert choice.currentData() is value
    assert choice.findData(Coding.ILASTIK) == 5
    assert choice.findData("none of them") == -1
    choice.clear()
    assert choice.currentData() is None


def test_curves_keep_every_held_out_score_and_leave_out_what_is_no_number(qtbot: Any) -> None:
    curves = Curves()
    qtbot.addWidget(curves)
    curves.add(
        report(i, float("nan") if i == 5 else 1 / (i + 1), {"score": 0.5} if i % 100 == 0 else None)
        for i in range(2000)
    )
    assert curves.n_points() == (1999, 20)
    assert len(curves._loss_curve.getData()[0]) <= 400
    curves.clear()
    assert curves.n_points() == (0, 0)


def test_curves_of_a_training_that_ended_are_smoothed_as_they_were_live(qtbot: Any) -> None:
    curves = Curves()
    qtbot.addWidget(curves)
    curves.show_past([2.0, 0.0, float("nan"), 1.0], [(2, {"score": 0.4}), (4, {"F1": 1.0})])
    assert curves.n_points() == (3, 1)
    np.testing.assert_allclose(curves._loss_curve.getData()[1], [2.0, 1.0, 1.0])


def test_strip_keeps_the_shape_of_what_it_shows(qtbot: Any) -> None:
    strip = Strip()
    qtbot.addWidget(strip)
    strip.resize(300, 10)
    strip.show()
    strip.set_rgb(np.zeros((30, 100, 3), np.uint8))
    assert abs(strip.height() - 90) <= 1


def test_strip_shows_the_colours_it_was_given(qtbot: Any) -> None:
    strip = Strip()
    qtbot.addWidget(strip)
    strip.resize(60, 60)
    strip.show()
    rgb = np.zeros((60, 60, 3), np.uint8)
    rgb[:, 30:] = (200, 10, 60)
    strip.set_rgb(rgb[:, ::-1])  # not contiguous
    shown = strip.pixmap().toImage()
    colour = shown.pixelColor(5, 30)
    assert (colour.red(), colour.green(), colour.blue()) == (200, 10, 60)


def test_message_line_shows_the_last_and_keeps_earlier_ones(qtbot: Any) -> None:
    line = MessageLine(kept=3)
    qtbot.addWidget(line)
    assert line.isHidden()
    for i in range(5):
        line.say("error" if i == 4 else "info", f"sentence {i}")
    assert (line.level(), line.text()) == ("error", "sentence 4")
    assert line.toolTip().splitlines() == ["Before that:", "sentence 2", "sentence 3"]


def test_a_long_text_is_shortened_and_whole_in_the_tooltip(qtbot: Any) -> None:
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.resize(60, 20)
    label.show()
    label.setText("a text that is much longer than sixty pixels")
    assert label.text().endswith("pixels")
    assert label.toolTip() == label.text()
    assert label.minimumSizeHint().width() <= 20


def test_a_shortened_text_leaves_room_for_what_a_style_takes_at_its_side(qtbot: Any) -> None:
    label = ElidedLabel()
    qtbot.addWidget(label)
    label.resize(100, 20)
    for length in range(5, 60):
        label.setText("W" + "i" * length)
        drawn = QLabel.text(label)
        room = label.contentsRect().width() - label.fontMetrics().horizontalAdvance("x") // 2
        assert label.fontMetrics().horizontalAdvance(drawn) <= room


def test_background_has_a_colour_that_no_object_has() -> None:
    colours = annotation_colours()
    background = colours.map(np.array([1]))[0]
    objects = colours.map(np.arange(2, 40_000))
    assert not np.any(np.all(np.isclose(objects, background, atol=0.02), axis=1))
    assert colours.map(np.array([0]))[0][3] == 0
    assert segmentation_colours().map(np.array([0]))[0][3] == 0


def test_neighbouring_numbers_differ_also_for_people_who_see_no_red_or_no_green() -> None:
    # Viénot, Brettel, Mollon 1999, for linear RGB: what protanopes and deuteranopes see.
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    colours = annotation_colours().map(np.arange(1, 15))[:, :3] ** 2.2
    for seen in (np.eye(3), protan, deutan):
        shown = np.clip(colours @ seen.T, 0, 1) ** (1 / 2.2)
        assert np.linalg.norm(np.diff(shown, axis=0), axis=1).min() > 0.1


def test_stop_says_how_long_it_takes_where_steps_are_long() -> None:
    def speeds(*speed: float) -> list[Any]:
        return [SimpleNamespace(steps_per_second=each) for each in speed]

    assert words_of_stop([]) == words_of_stop(speeds(0.0)) == words_of_stop(speeds(0.01, 3.0)) == STOP
    assert "within 15 s" in words_of_stop(speeds(3.0, 0.1, 0.0))
    assert "within 2:30 min" in words_of_stop(speeds(0.01))


def test_patches_are_shown_in_the_grey_range_that_is_chosen() -> None:
    plane = np.random.default_rng(0).integers(0, 20, (64, 72)).astype(np.uint8)
    labels = np.ones((2, 64, 72), np.int32)
    labels[:, 8:28, 8:28] = 2
    session = Session()
    session.set_image(ImageSource("dark and bright", np.stack([plane, 10 * plane])))
    session.adopt_annotation(labels, Coding.PROJECT, LabelsAre.OBJECTS)

    def drawn(grey_range: str) -> Any:
        settings = TrainingSettings(patch_size=32, augmentation=AugmentationSettings.none())
        chosen = settings.model_copy(update={"grey_range": grey_range})
        return draw_patches(session.prepare_training("scratch", chosen), 6, seed=0)

    assert not np.array_equal(drawn("as in training"), drawn("per image"))
