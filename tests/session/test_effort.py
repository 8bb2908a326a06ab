"""Strokes, clicks and minutes, read off the history of a project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from painted_rounds import a_round

from napari_unet.annotation.coding import LabelsAre
from napari_unet.project import Project
from napari_unet.session import ImageSource, Session, Which
from napari_unet.session.described import describe_image
from napari_unet.session.effort import AT_WORK, ONE_ACTION, Effort, count_efforts
from napari_unet.session.keeping import Keeper


def line(seconds: float, what: str, image: str = "a", **facts: object) -> dict[str, object]:
    minute, second = divmod(seconds, 60)
    time = f"2026-05-01T10:{int(minute):02d}:{second:06.3f}+02:00"
    return {"time": time, "what": what, "image": image, **facts}


def test_work_belongs_to_the_round_that_was_trained_after_it() -> None:
    drawn = {"arrays": ["annotation"]}
    efforts = count_efforts(
        [
            line(0, "Paint", **drawn),
            line(20, "Paint", **drawn),
            line(30, "Paint", **drawn, how="undo"),
            line(40, "Train"),
            line(50, "Paint", "b", **drawn),  # while it trains
            line(90, "Segment", **drawn),
            line(100, "Round", number=1),
            line(110, "Merge", **drawn),
            line(500, "Accept", **drawn),  # after a pause
            line(510, "Train"),
            line(520, "Round", number=2),
            line(530, "Paint", **drawn),
        ]
    )
    first, second = efforts.of_round(1), efforts.of_round(2)
    assert (first.strokes, first.clicks) == (2, 1)
    assert first.minutes == pytest.approx((ONE_ACTION + 20 + 10) / 60)
    assert (second.strokes, second.clicks) == (1, 2)
    assert second.minutes == pytest.approx((20 + AT_WORK + ONE_ACTION) / 60)
    assert efforts.before[2]["b"].strokes == 1
    assert efforts.since["a"].strokes == 1
    assert efforts.of_round(7) == Effort()
    assert efforts.total.strokes == 4
    assert str(Effort(1, 2, 0.2)) == "under a minute, 1 stroke, 2 clicks"


def test_a_damaged_line_and_a_training_that_came_to_nothing() -> None:
    drawn = {"arrays": ["annotation"]}
    efforts = count_efforts(
        [
            {"what": "Paint"},
            {"time": "never", **drawn},
            line(0, "Paint", **drawn),
            line(1, "Train"),
            line(2, "Train"),
        ]
    )
    assert efforts.total.strokes == 1
    assert efforts.since["a"].strokes == 1


def test_what_is_done_in_a_session_is_counted_and_names_of_rounds_are_kept(tmp_path: Path) -> None:
    session = Session()
    session.set_image(ImageSource("cells", np.zeros((30, 40), np.uint8)))
    session.annotating.start(LabelsAre.OBJECTS)
    project = Project.create(tmp_path / "project")
    keeper = Keeper(
        session, project, project.add_image(describe_image(session.image, (0,), None, project.folder))
    )
    for k in range(3):
        session.record_stroke(Which.ANNOTATION, (5 * k, 2), np.full((4, 4), 2 + k, np.int32))
    session.undo()
    session.rounds.add(a_round(1))
    session.rounds_changed.emit()
    first = session.rounds.all[0]
    session.rounds.rename(first, "  the   good one ")
    session.rounds_changed.emit()
    keeper.close()
    project.close()
    with Project.open(tmp_path / "project") as again:
        assert [kept.document.name for kept in again.rounds.all()[0]] == ["the good one"]
        efforts = count_efforts(again.history())
    assert (efforts.total.strokes, efforts.total.clicks) == (3, 1)
    assert 0 < efforts.total.minutes <= 4 * AT_WORK / 60
