import csv
import errno

import numpy as np
import pytest
import tifffile

from napari_unet.errors import UserError
from napari_unet.formats import atomic
from napari_unet.formats.images import read_image, read_labels, write_labels, write_probabilities
from napari_unet.formats.tables import write_table


@pytest.mark.parametrize(
    ("largest", "dtype"), [(3, "uint16"), (65_535, "uint16"), (65_536, "int32"), (2**31 - 1, "int32")]
)
@pytest.mark.parametrize("pixel_size_um", [None, 0.325])
def test_labels_are_read_back_equal_with_their_pixel_size(tmp_path, largest, dtype, pixel_size_um):
    labels = np.zeros((7, 9), np.int32)
    labels[2, 3] = largest
    write_labels(tmp_path / "a.tif", labels, pixel_size_um)
    back = read_labels(tmp_path / "a.tif")
    assert back.array.dtype == dtype
    assert np.array_equal(back.array, labels)
    assert back.axes == "YX"
    assert back.pixel_size_um == (None if pixel_size_um is None else pytest.approx(pixel_size_um, rel=1e-4))
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        assert tif.is_imagej == (dtype == "uint16")


def test_stacks_keep_their_axes(tmp_path):
    labels = np.arange(2 * 3 * 5 * 6).reshape(2, 3, 5, 6).astype(np.int32)
    write_labels(tmp_path / "a.tif", labels, 0.5, "TZYX")
    back = read_labels(tmp_path / "a.tif")
    assert back.axes == "TZYX"
    assert np.array_equal(back.array, labels)


def test_probabilities_are_read_back_equal(tmp_path):
    maps = np.random.default_rng(0).random((3, 8, 9), dtype=np.float32)
    write_probabilities(tmp_path / "a.tif", maps, 0.5)
    back = read_image(tmp_path / "a.tif")
    assert (back.axes, back.array.dtype, back.pixel_size_um) == ("CYX", np.float32, pytest.approx(0.5))
    assert np.array_equal(back.array, maps)


@pytest.mark.parametrize("labels", [np.zeros((3, 3)), np.full((3, 3), 2**31), np.full((3, 3), -(2**31) - 1)])
def test_what_is_no_label_is_not_written(tmp_path, labels):
    with pytest.raises(UserError):
        write_labels(tmp_path / "a.tif", labels)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    labels = np.ones((4, 4), np.int32)
    write_labels(tmp_path / "a.tif", labels)

    def full(*_arguments, **_keywords):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic, "_flush_to_disk", full)
    with pytest.raises(UserError, match="No space left on device"):
        write_labels(tmp_path / "a.tif", labels * 2)
    with pytest.raises(UserError, match="No space left on device"):
        write_table(tmp_path / "t.csv", {"a": [1]})
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]
    assert read_labels(tmp_path / "a.tif").array.max() == 1


def test_an_interruption_leaves_nothing_behind(tmp_path):
    def write_half():
        with atomic.replace_whole(tmp_path / "a.tif") as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_and_a_folder_as_file_are_said(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        write_labels(tmp_path / "missing" / "a.tif", np.ones((3, 3), int))
    with pytest.raises(UserError, match="is a folder"):
        write_labels(tmp_path, np.ones((3, 3), int))


def test_files_get_the_usual_rights(tmp_path):
    (tmp_path / "usual").write_text("")
    write_table(tmp_path / "t.csv", {"a": [1]})
    assert (tmp_path / "t.csv").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_table_is_read_back(tmp_path):
    columns = {
        "label": np.array([1, 2]),
        "area, px": np.array([12.5, np.nan]),
        "cut": np.array([True, False]),
        "class": ["a, b", "ü"],
    }
    write_table(tmp_path / "t.csv", columns)
    with open(tmp_path / "t.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [["label", "area, px", "cut", "class"], ["1", "12.5", "1", "a, b"], ["2", "", "0", "ü"]]
    with pytest.raises(UserError, match="equally long"):
        write_table(tmp_path / "u.csv", {"a": [1], "b": []})
    assert not (tmp_path / "u.csv").exists()
