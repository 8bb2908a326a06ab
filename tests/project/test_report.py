"""A report holds what helps, no image, no user's name, and is written whole or not at all."""

import getpass
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from kill_harness import a_model, a_round
from painted import an_image
from typer.testing import CliRunner

from napari_unet import log
from napari_unet.annotation.coding import LabelsAre
from napari_unet.cli import app
from napari_unet.errors import UserError
from napari_unet.formats import atomic
from napari_unet.log import NAME
from napari_unet.project import Project, refer_to
from napari_unet.session import ImageSource, Session
from napari_unet.session.facts import describe_session
from napari_unet.support import doctor
from napari_unet.support.report import gather, scrub, write_report


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(doctor, "measure_speed", lambda: 12.0)
    monkeypatch.setattr(doctor, "try_opengl", lambda: "4.5 on a card")


@pytest.fixture
def logs(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / f"{NAME}.1").write_text("what was before\n")
    (folder / NAME).write_text(f"opened {Path.home() / 'images' / 'cells.tif'}\n")
    monkeypatch.setattr(log, "log_folder", lambda: folder)
    return folder


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "patient-4711.tif").write_bytes(b"an image")
    with Project.create(tmp_path / "project") as project:
        described = an_image((60, 70), "patient 4711")
        described = described.model_copy(
            update={"file": refer_to(tmp_path / "patient-4711.tif", project.folder)}
        )
        project.add_image(described)
        project.add_round(a_model, a_round(1))
        project.log("Paint", project.images[0].id, sequence=3)
        return project.folder


def test_what_helps_is_in_it_and_no_name(logs, project):
    session = Session()
    session.set_image(ImageSource("patient 4711", np.zeros((60, 70), np.uint8)))
    session.annotating.start(LabelsAre.OBJECTS)
    session.annotation[5:9, 5:9] = 2
    pieces = {piece.name: piece.text for piece in gather(describe_session(session), project)}
    assert list(pieces) == ["about.txt", "log.txt", "doctor.txt", "settings.json", "project.json"]
    assert pieces["log.txt"].splitlines()[0] == "what was before"
    assert f"opened {Path('~/images/cells.tif')}" in pieces["log.txt"]
    assert "12 GFLOP/s" in pieces["doctor.txt"]
    settings = json.loads(pieces["settings.json"])
    assert settings["image"]["shape"] == [60, 70]
    assert settings["annotation"]["values"] == 1
    facts = json.loads(pieces["project.json"])
    assert facts["rounds"][0]["outcome"]["steps"] == 3
    assert facts["last actions"][-1]["what"] == "Paint"
    assert facts["images"][0]["kind of file"] == ".tif"
    for name in pieces:
        assert name in pieces["about.txt"] or name == "about.txt"
        assert str(Path.home()) not in pieces[name]
    for name in ("settings.json", "about.txt", "doctor.txt"):
        assert "4711" not in pieces[name]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/home/anna/data/a.tif", "/home/USER/data/a.tif"),
        ("C:\\Users\\Anna B\\a.tif", "C:\\Users\\USER B\\a.tif"),
        ('"C:\\\\Users\\\\Anna\\\\a.tif"', '"C:\\\\Users\\\\USER\\\\a.tif"'),
        ("/Users/anna/a.tif and /mnt/disk/a.tif", "/Users/USER/a.tif and /mnt/disk/a.tif"),
        ("the users/ and a home", "the users/ and a home"),
    ],
)
def test_user_names_are_left_out(text, clean):
    assert scrub(text) == clean


def test_the_name_of_who_runs_it_is_left_out_elsewhere_too(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "anna")
    assert scrub("/mnt/anna/a.tif of anna") == "/mnt/USER/a.tif of anna"


def test_a_project_that_cannot_be_read_is_told_in_the_report(tmp_path, logs):
    (tmp_path / "project.json").write_text("nonsense")
    (piece,) = [p for p in gather(None, tmp_path) if p.name == "project.json"]
    assert "damaged" in json.loads(piece.text)["could not be read"]


def test_it_is_written_whole_or_not_at_all(tmp_path, logs, monkeypatch):
    pieces = gather()
    written = write_report(tmp_path / "my report", pieces)
    assert written.name == "my report.zip"
    with zipfile.ZipFile(written) as archive:
        assert archive.testzip() is None
        assert {i.filename: archive.read(i).decode() for i in archive.infolist()} == {
            p.name: p.text for p in pieces
        }
    before = written.read_bytes()

    def full(path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "_flush_to_disk", full)
    with pytest.raises(UserError, match="was not written: No space left"):
        write_report(written, pieces)
    assert written.read_bytes() == before
    assert not list(tmp_path.glob(".my*"))


def test_from_a_shell(tmp_path, logs, project):
    target = tmp_path / "report.zip"
    done = CliRunner().invoke(app, ["report", str(target), "--project", str(project)])
    assert done.exit_code == 0, done.stderr
    assert "log.txt (" in done.stdout
    assert "nothing was sent" in done.stdout
    assert "project.json" in zipfile.ZipFile(target).namelist()
    for arguments in (
        ["report", str(tmp_path / "no" / "a.zip")],
        ["report", str(target), "--project", str(tmp_path)],
    ):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 1
        assert done.stderr.startswith("Error: ")
