"""Regions that ImageJ drew, and files that only look like it."""

import struct
import zipfile

import numpy as np
import pytest
import roifile
from roifile import ROI_TYPE, ImagejRoi

from napari_unet.errors import UserError
from napari_unet.formats import roi_reading
from napari_unet.formats.images import read_labels
from napari_unet.formats.roi_reading import read_rois


def drawn(corners, **kwargs):
    roi = ImagejRoi.frompoints(corners, **kwargs)
    roi.roitype = ROI_TYPE.POLYGON
    return roi


def rectangle(left, top, right, bottom, kind=ROI_TYPE.RECT):
    roi = ImagejRoi(roitype=kind, left=left, top=top, right=right, bottom=bottom)
    roi.name = f"{kind.name}-{left}-{top}"
    return roi


def test_polygons_of_whole_and_sub_pixels_rectangles_and_ovals(tmp_path):
    rois = [
        drawn(np.array([[2, 3], [9, 3], [9, 7], [2, 7]], np.int32), name="whole"),
        drawn(np.array([[12.4, 3.4], [18.6, 3.4], [18.6, 7.6], [12.4, 7.6]]), name="sub-pixel"),
        rectangle(2, 10, 6, 13),
        rectangle(10, 10, 20, 16, ROI_TYPE.OVAL),
    ]
    roifile.roiwrite(tmp_path / "a.zip", rois)
    back = read_rois(tmp_path / "a.zip", (20, 30))
    expected = np.zeros((20, 30), np.int32)
    expected[3:7, 2:9] = 1
    expected[3:8, 12:19] = 2  # pixels whose centre is inside
    expected[10:13, 2:6] = 3
    rows, columns = np.ogrid[:20, :30]
    expected[((rows + 0.5 - 13) / 3) ** 2 + ((columns + 0.5 - 15) / 5) ** 2 <= 1] = 4
    assert np.array_equal(back.labels, expected)
    assert back.sentence == ""


def test_what_is_left_out_is_said(tmp_path):
    rois = [
        rectangle(0, 0, 5, 5),
        rectangle(3, 3, 8, 8),
        rectangle(500, 500, 600, 600),
        ImagejRoi(roitype=ROI_TYPE.LINE, x2=5.0, name="line"),
    ]
    roifile.roiwrite(tmp_path / "a.zip", rois, name=["a", "b", "c", "d"])
    back = read_rois(tmp_path / "a.zip", (20, 30))
    assert (back.labels == 1).sum() == 25
    assert (back.labels == 2).sum() == 21
    assert "1 regions without an area" in back.sentence
    assert "1 regions lie outside" in back.sentence
    assert "4 px lie in two regions" in back.sentence


def test_a_single_roi_file_and_regions_beyond_the_edge(tmp_path):
    rectangle(-3, 15, 5, 40).tofile(tmp_path / "a.roi")
    assert read_rois(tmp_path / "a.roi", (20, 30)).labels.sum() == 25


def bomb(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for k in range(3):
            archive.writestr(f"{k}.roi", bytes(2**20))


def too_many_corners(path):
    data = bytearray(drawn(np.array([[2, 3], [9, 3], [9, 7]], np.int32), name="x").tobytes())
    data[16:18] = struct.pack(">H", 60_000)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../x.roi", bytes(data))


def endless_path(path):
    roi = rectangle(0, 0, 5, 5)
    roi.multi_coordinates, roi.shape_roi_size = np.array([0, 1, 1, 2, 5, 5], np.float32), 6
    roifile.roiwrite(path, [roi])


def not_a_number(path):
    roifile.roiwrite(path, [drawn(np.array([[np.nan, 3], [9, np.inf], [9, 7]]), name="n")])


def other_content(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


def no_zip(path):
    path.write_bytes(b"PK\x03\x04 and then nothing")


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("make", [bomb, too_many_corners, endless_path, not_a_number, other_content, no_zip])
def test_hostile_files_are_refused_in_one_sentence(tmp_path, monkeypatch, make):
    monkeypatch.setattr(roi_reading, "MOST_UNPACKED", 2**20)
    make(tmp_path / "a.zip")
    with pytest.raises(UserError) as refused:
        read_rois(tmp_path / "a.zip", (20, 30))
    assert str(refused.value).count("\n") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"], "something was unpacked"


def test_a_plane_that_there_is_not_counts_as_outside(tmp_path):
    roifile.roiwrite(
        tmp_path / "a.zip", [drawn(np.array([[2, 3], [9, 3], [9, 7]], np.int32), position=7, name="p")]
    )
    with pytest.raises(UserError, match="right image"):
        read_rois(tmp_path / "a.zip", (3, 20, 30), "ZYX")


def test_the_file_of_cellpose_is_refused_and_its_mask_export_named(tmp_path):
    np.save(tmp_path / "cells_seg.npy", np.array([{"masks": 1}], object), allow_pickle=True)
    with pytest.raises(UserError, match="cp_masks"):
        read_labels(tmp_path / "cells_seg.npy")
