"""A package for the model zoo from the dock."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from driving import add_discs, train_a_little, words
from qtpy.QtWidgets import QFileDialog

from napari_unet.workflow.zoo.reading import load_network


def test_a_network_is_shared_with_what_only_a_person_can_say(
    dock: Any, discs: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add_discs(dock, discs)
    dock.loop.segment_after_training = False
    dock.takeaway.sharing.set_open(True)
    form = dock.takeaway.sharing.body
    assert not form.save.isEnabled()
    train_a_little(dock, 1)
    qtbot.waitUntil(form.save.isEnabled, timeout=60_000)
    asked: list[str] = []

    def answer(parent: Any, title: str, name: str, kinds: str) -> tuple[str, str]:
        asked.append(name)
        return str(tmp_path / "discs"), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    form.name.setText("Bright discs")
    form.description.setText("Discs on dark ground")
    form.authors.setText("A. Cell; B. Nucleus")
    form.save.click()
    assert "licence" in words(dock)
    assert not asked, "nothing is asked before all is said"
    form.licence.setCurrentText("MIT")
    form.cite.setText("our paper")
    form.save.click()
    assert "is no DOI" in words(dock)
    form.cite.setText("https://doi.org/10.1234/discs.1")
    form.notes.setPlainText("Made with a *lamp*.")
    form.save.click()
    qtbot.waitUntil(lambda: words(dock).startswith("Saved "), timeout=60_000)
    assert asked == ["Bright_discs.zip"]
    with zipfile.ZipFile(tmp_path / "discs.zip") as archive:
        described = yaml.safe_load(archive.read("bioimageio.yaml"))
        text = archive.read("documentation.md").decode()
    assert [author["name"] for author in described["authors"]] == ["A. Cell", "B. Nucleus"]
    assert (described["license"], described["cite"][1]["doi"]) == ("MIT", "10.1234/discs.1")
    assert "Made with a *lamp*." in text
    network = load_network(tmp_path / "discs.zip")
    assert network.description.object_size == dock.loop.session.current.description.object_size
