"""What is wrong with files and options is said in one sentence, before any work, and nothing is written."""

import numpy as np
import pytest
import tifffile

from napari_unet.cli import open_window

SIZE = (80, 96)


@pytest.fixture
def bad(folder):
    """The folder of good images and labels, with all sorts of bad ones beside them."""
    (folder / "empty").mkdir()
    (folder / "renamed").mkdir()
    for k in (0, 1):
        tifffile.imwrite(folder / "renamed" / f"other{k}.tif", np.ones(SIZE, np.uint8))
    (folder / "broken.tif").write_text("no image")
    (folder / "notes.txt").write_text("no image")
    (folder / "foreign.safetensors").write_text("no model")
    for name, labels in {
        "small": np.ones((8, 8), np.uint8),
        "float": np.full(SIZE, 0.5, np.float32),
        "nothing": np.zeros(SIZE, np.uint8),
        "background": np.ones(SIZE, np.uint8),
        "negative": np.full(SIZE, -3, np.int16),
        "beyond": np.full(SIZE, 2**31, np.uint32),
        "objects only": np.where(np.arange(96) < 48, 2, 0).repeat(80).reshape(96, 80).T.astype(np.uint8),
    }.items():
        tifffile.imwrite(folder / f"{name}.tif", labels)
    return folder


def before_and_after(folder):
    return sorted((str(p), p.stat().st_mtime_ns) for p in folder.rglob("*"))


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        ("missing", "labels", "missing"),
        ("images", "missing", "missing"),
        ("empty", "labels", "empty holds no images"),
        ("images", "empty", "empty holds no images"),
        ("images", "renamed", "other0, other1"),
        ("broken.tif", "labels/cell0.tif", "broken.tif"),
        ("images/cell0.tif", "broken.tif", "broken.tif"),
        ("notes.txt", "labels/cell0.tif", "notes.txt"),
        ("images/cell0.tif", "small.tif", "same size"),
        ("images/cell0.tif", "float.tif", "fractions"),
        ("images/cell0.tif", "nothing.tif", "annotated"),
        ("images/cell0.tif", "background.tif", "background"),
        ("images/cell0.tif", "objects only.tif", "background"),
        ("images/cell0.tif", "negative.tif", "negative"),
        ("images/cell0.tif", "beyond.tif", ""),
    ],
)
def test_bad_images_and_labels_of_train(shell, bad, images, labels, said):
    before = before_and_after(bad)
    sentence = shell.fail(
        "train", bad / images, "--labels", bad / labels, "-o", bad / "m.safetensors", "--steps", 2,
        "--coding", "project", "--labels-are", "objects", "--device", "cpu",
    )  # fmt: skip
    assert said in sentence
    assert before_and_after(bad) == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--minutes", 0), "--minutes"),
        (("--minutes", "inf"), "--minutes"),
        (("--object-size", "nan"), "--object-size"),
        (("--steps", -1), "--steps"),
        (("--object-size", 0), "--object-size"),
        (("--threads", 0), "--threads"),
        (("--seed", -1), "--seed"),
        (("--device", "toaster"), "toaster"),
        (("--start", "missing.safetensors"), "missing.safetensors"),
        (("-o", "model.pt"), "model.safetensors"),
        (("-o", "missing/model.safetensors"), "missing"),
    ],
)
def test_bad_options_of_train(shell, folder, monkeypatch, options, said):
    monkeypatch.chdir(folder)
    sentence = shell.fail(
        "train", "images", "--labels", "labels", "-o", "m.safetensors", "--coding", "masks",
        "--labels-are", "objects", *options,
    )  # fmt: skip
    assert said in sentence
    assert sorted(p.name for p in folder.iterdir()) == ["images", "labels"]


@pytest.mark.parametrize(
    ("images", "output", "options", "said"),
    [
        ("images", "out", ("--model", "foreign.safetensors"), "foreign.safetensors"),
        ("images", "out", ("--model", "missing.safetensors"), "missing.safetensors"),
        ("missing", "out", (), "missing"),
        ("empty", "out", (), "holds no images"),
        ("images", "one.tif", (), "give a folder"),
        ("images", "images", (), "overwrite"),
        ("images/cell0.tif", "images/cell0.tif", (), "overwrite"),
        ("images/cell0.tif", "out.png", (), "must end in .tif"),
        ("images", "out", ("--tile", 0), "--tile"),
        ("images", "out", ("--object-size", -2), "--object-size"),
    ],
)
def test_bad_input_of_segment(shell, bad, monkeypatch, images, output, options, said):
    monkeypatch.chdir(bad)
    options = options if "--model" in options else (*options, "--model", "foreign.safetensors")
    assert said in shell.fail("segment", images, "-o", output, *options)
    assert not list(bad.rglob("cell0*.tif*")) or len(list(bad.rglob("cell0*"))) == 2


def test_two_images_of_one_name_are_not_written_over_each_other(shell, bad, monkeypatch):
    monkeypatch.chdir(bad)
    tifffile.imwrite(bad / "renamed" / "cell0.tif", np.ones(SIZE, np.uint8))
    said = shell.fail(
        "segment", "images/cell0.tif", "renamed/cell0.tif", "-o", "out", "--model", "foreign.safetensors"
    )
    assert "out/cell0.tif" in said.replace("\\", "/")


def test_what_is_no_command_is_opened_as_a_file(shell, folder, monkeypatch):
    opened = []
    monkeypatch.setattr(open_window, "start_napari", lambda files, layers: opened.append((files, layers)))
    shell.run(folder / "images" / "cell0.tif")
    shell.run("--sample", "touching cells")
    shell.run()
    assert [p.name for p in opened[0][0]] == ["cell0.tif"]
    assert [attributes["name"] for _, attributes, _ in opened[1][1]] == [
        "touching cells",
        "touching cells annotation",
    ]
    assert opened[2] == ([], [])


def test_the_folder_of_a_project_is_opened_as_one(shell, folder, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(open_window, "start_napari", lambda *what: opened.append(what))
    project = tmp_path / "my cells"
    project.mkdir()
    (project / "project.json").touch()
    shell.run(project)
    assert opened == [([], [], project)]
    assert "not both" in shell.fail(project, folder / "images" / "cell0.tif")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("trian", "x"), "trian"), (("--sample", "mars"), "coins, ihc"), (("a.tif",), "a.tif")],
)
def test_what_can_not_be_opened_is_said(shell, monkeypatch, tmp_path, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert said in shell.fail(*arguments)


def test_a_window_that_can_not_open_is_said(shell, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "napari_unet._qt.window", None)
    assert "pip install" in shell.fail()


def test_version_and_help(shell):
    import napari_unet

    assert shell.run("--version").stdout.strip() == napari_unet.__version__
    for command in ("train", "segment", "evaluate", "weights", "doctor"):
        assert command in shell.run("--help").stdout
        assert "--help" in shell.run(command, "--help").stdout
