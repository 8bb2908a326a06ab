"""Forms made from settings models."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from driving import add_discs
from pydantic import BaseModel, ConfigDict, Field
from qtpy.QtWidgets import QLabel

from napari_unet._qt.forms import Form


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(0.25, ge=0, le=1, title="Share", description="A fraction < 1.")
    count: int = Field(3, ge=1, le=9, title="Count", description="How many.")
    odd: bool = Field(True, title="Odd", description="Yes or no.")
    way: Literal["left", "right"] = Field("left", title="Way", description="Where to.")
    kept: tuple[str, ...] = Field(("a",), title="Kept", description="Has no editor.")


@pytest.fixture
def form(qtbot: Any) -> Form[Settings]:
    made = Form(Settings())
    qtbot.addWidget(made)
    return made


def test_shows_titles_tooltips_and_ranges(form: Form[Settings]) -> None:
    texts = [label.text() for label in form.findChildren(QLabel)]
    assert texts == ["Share", "Count", "Odd", "Way"]
    assert form.editors["share"].toolTip() == "<p>A fraction &lt; 1.</p>"
    assert (form.editors["count"].minimum(), form.editors["count"].maximum()) == (1, 9)
    assert form.editors["share"].maximum() == 1


def test_an_edit_changes_its_field_only_and_is_told_once(form: Form[Settings], qtbot: Any) -> None:
    with qtbot.waitSignal(form.valueChanged) as told:
        form.editors["way"].setCurrentIndex(1)
    assert told.args == [Settings(way="right")]
    assert form.value() == Settings(way="right")


def test_setting_a_value_is_silent_and_keeps_what_has_no_editor(form: Form[Settings], qtbot: Any) -> None:
    with qtbot.assertNotEmitted(form.valueChanged):
        form.setValue(Settings(share=0.5, odd=False, kept=("b",)))
    form.editors["count"].setValue(4)
    assert form.value() == Settings(share=0.5, count=4, odd=False, kept=("b",))


def test_shows_only_what_is_asked_for_in_that_order(qtbot: Any) -> None:
    form = Form(Settings(), only=("count", "share"))
    qtbot.addWidget(form)
    assert list(form.editors) == ["count", "share"]


def test_where_a_training_runs_is_chosen_and_kept(dock: Any, discs: Any) -> None:
    add_discs(dock, discs)
    dock.train.advanced.set_open(True)
    place = dock.train.advanced.body.place
    assert place.address() == ""
    place.setEditText("tcp://127.0.0.1:9 ")
    choices = dock.loop.session.state.training_choices
    assert choices.run_on == "tcp://127.0.0.1:9"
    dock.train._show_choices(choices.model_copy(update={"run_on": ""}))
    assert (place.currentText(), place.address()) == ("this computer", "")
    dock.train._show_choices(choices)
    assert place.address() == "tcp://127.0.0.1:9"
