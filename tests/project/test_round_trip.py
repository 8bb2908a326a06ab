"""What is kept comes back, to us and to others."""

import json
from functools import partial

import numpy as np
import painted as small
import pytest
import zarr
from painted import Box, an_image, paint

from napari_unet.errors import UserError
from napari_unet.project import LargeImage, NotSaved, Project
from napari_unet.project.image_entry import MOST_NOTE_BYTES

SHAPE = (2, 600, 700)  # four chunks a plane
a_project, painted = partial(small.a_project, shape=SHAPE), partial(small.painted, shape=SHAPE)
STROKES = [
    Box((0, 10, 20), (1, 30, 40), 2),
    Box((1, 500, 500), (1, 50, 50), 3),
    Box((1, 520, 510), (1, 5, 5), 0),
]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "project"


def test_strokes_and_notes_come_back(folder):
    project, entry = a_project(folder)
    for stroke in STROKES:
        paint(entry, stroke)
    entry.note("classes", {"2": "nucleus"})
    entry.note("place", [1.0, 2.5])
    entry.note("place", [3.0, None])
    assert project.flush()
    assert project.saved.pending == 0
    project.close()
    with Project.open(folder) as again:
        state = again.image(again.images[0].id).open()
    np.testing.assert_array_equal(state.arrays["annotation"], painted(STROKES))
    assert state.notes == {"classes": {"2": "nucleus"}, "place": [3.0, None]}
    assert state.sentences == ()


def test_all_is_there_without_closing(folder):
    """As if the process had been killed: from the journal alone, before any checkpoint."""
    project, entry = a_project(folder)
    assert project.flush()
    for stroke in STROKES:
        paint(entry, stroke)
    assert project.flush()
    state = entry.open()
    np.testing.assert_array_equal(state.arrays["annotation"], painted(STROKES))
    assert any((entry.folder / "journal").iterdir())
    project.close()
    assert not any((entry.folder / "journal").iterdir()), "after a checkpoint nothing is there twice"


def test_other_programs_read_the_labels(folder):
    project, entry = a_project(folder)
    entry.replace_array("segmentation", painted(STROKES[:2]))
    paint(entry, STROKES[2], "segmentation")
    project.close()
    group = zarr.open_group(entry.folder / "labels.zarr", mode="r")
    assert group.attrs["ome"] == {"version": "0.5", "labels": ["annotation", "segmentation"]}
    label = group["segmentation"]
    assert "image-label" in label.attrs["ome"]
    multiscale = label.attrs["ome"]["multiscales"][0]
    assert [axis["name"] for axis in multiscale["axes"]] == ["z", "y", "x"]
    array = label[multiscale["datasets"][0]["path"]]
    assert array.chunks == (1, 512, 512)
    np.testing.assert_array_equal(array[...], painted(STROKES))
    folders = [
        path.name for path in (entry.folder / "labels.zarr" / "segmentation").iterdir() if path.is_dir()
    ]
    assert folders == [multiscale["datasets"][0]["path"]]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16", "int64", "float32"])
def test_pixels_without_a_file_are_copied(folder, dtype):
    from napari_unet.formats.ome_zarr import read_ome_zarr

    pixels = (np.random.default_rng(0).random((3, 40, 50)) * 3).astype(dtype)
    described = an_image((40, 50)).model_copy(
        update={
            "shape": pixels.shape,
            "channel_axis": 0,
            "dtype": dtype,
            "scale": (0.5, 0.5),
            "units": ("µm",) * 2,
        }
    )
    with Project.create(folder) as project:
        entry = project.add_image(described, pixels)
        assert project.flush()
        np.testing.assert_array_equal(entry.pixels(), pixels)
        read, axes, pixel_size = read_ome_zarr(entry.folder / "pixels.zarr")
        np.testing.assert_array_equal(read, pixels)
        assert (axes, pixel_size) == ("CYX", 0.5)


def test_large_pixels_are_not_copied_without_asking(folder):
    with Project.create(folder) as project:
        large = an_image((30_000, 30_000))
        with pytest.raises(LargeImage, match=r"0\.9 GB") as refused:
            project.add_image(large, np.broadcast_to(np.uint8(0), large.shape))
        assert refused.value.n_bytes == 900_000_000
        assert project.images == ()
        project.add_image(large, np.broadcast_to(np.uint8(0), large.shape), allow_large=True)


def test_an_array_replaced_takes_nothing_of_the_old_one(folder):
    project, entry = a_project(folder)
    paint(entry, STROKES[0])
    entry.replace_array("annotation", painted(STROKES[1:2]), {"labels_are": "classes"})
    paint(entry, STROKES[2])
    entry.note("labels_are", "objects")
    project.close()
    with Project.open(folder) as again:
        entry = again.image(again.images[0].id)
        state = entry.open()
        np.testing.assert_array_equal(state.arrays["annotation"], painted(STROKES[1:]))
        assert state.notes == {"labels_are": "objects"}
        entry.replace_array("annotation", None, {"labels_are": "classes"})
        assert again.flush()
        state = entry.open()
        assert not state.arrays["annotation"].any()
        assert state.notes == {"labels_are": "classes"}


def test_a_large_action_is_cut_and_comes_back(folder):
    shape = (2500, 2600)
    project, entry = a_project(folder, shape=shape)
    strokes = [Box((0, 0), shape, 7), Box((2400, 2500), (100, 100), 8)]
    entry.record([("annotation", stroke.change()) for stroke in strokes])
    assert project.flush()
    np.testing.assert_array_equal(entry.open().arrays["annotation"], painted(strokes, shape=shape))
    project.close()


def test_images_and_settings_are_listed(folder):
    with Project.create(folder, "My cells") as project:
        ids = [project.add_image(an_image(name=name)).id for name in ("Cells 1", "…", "Cells 1")]
        project.set_progress(ids[1], "done")
        project.note("device", "cpu")
    document = json.loads((folder / "project.json").read_text())
    assert document["schema_version"] == 2
    with Project.open(folder) as again:
        assert again.name == "My cells"
        assert [(image.name, image.progress) for image in again.images] == [
            ("Cells 1", "new"),
            ("…", "done"),
            ("Cells 1", "new"),
        ]
        assert again.notes == {"device": "cpu"}
        with pytest.raises(UserError, match="no image"):
            again.image("../other")


def test_history_is_lines_for_people(folder):
    with Project.create(folder) as project:
        project.log("train", image="a", seed=3, versions={"torch": "2"})
    with open(folder / "history.jsonl", "ab") as file:
        file.write(b'{"time": "2026-')  # torn
    with Project.open(folder) as project:
        project.log("segment", planes=[0, 1])
        assert project.flush()
        lines = project.history()
    assert [line["what"] for line in lines] == ["train", "segment"]
    assert lines[0]["seed"] == 3


def test_probabilities_come_back(folder):
    project, entry = a_project(folder)
    probabilities = np.random.default_rng(0).random((2, 30, 40)).astype(np.float16)
    entry.probabilities.keep((1,), probabilities, None, 0.5)
    entry.probabilities.keep((), probabilities, probabilities[0], 1.0)
    assert project.flush()
    assert sorted(entry.probabilities.planes()) == [(), (1,)]
    read = entry.probabilities.read((1,))
    assert read.scale == 0.5
    assert read.distance is None
    np.testing.assert_array_equal(read.probabilities, probabilities)
    np.testing.assert_array_equal(entry.probabilities.read(()).distance, probabilities[0])
    assert entry.probabilities.read((7,)) is None
    entry.probabilities.forget()
    project.close()
    assert list(entry.probabilities.planes()) == []


def test_misuse_is_told_at_once(folder):
    project, entry = a_project(folder)
    with pytest.raises(UserError, match="does not fit"):
        entry.replace_array("annotation", np.zeros((3, 3), np.int32))
    with pytest.raises(UserError, match="more than can be kept"):
        entry.note("regions", "x" * (MOST_NOTE_BYTES + 1))
    with pytest.raises(ValueError, match="pattern"):
        entry.note("../x", 1)
    with pytest.raises(TypeError, match="not JSON"):
        entry.note("x", {1, 2})
    project.close()
    with pytest.raises(UserError, match="not empty"):
        Project.create(folder)
    with pytest.raises(UserError, match="no project"):
        Project.open(folder.parent)
    assert entry.description.spatial_shape == SHAPE
    assert not issubclass(NotSaved, RuntimeError)
