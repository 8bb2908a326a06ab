"""The table of objects."""

import numpy as np
import pytest
from object_scenes import draw_discs, write_values

from napari_unet.objects.tables import measure_objects


def test_sizes_places_and_the_edge() -> None:
    labels = draw_discs((60, 90), [(30, 25), (30, 70), (0, 48)], 10) * 7
    table = measure_objects(labels)
    assert table["label"].tolist() == [7, 14, 21]
    assert table["area"][0] == np.count_nonzero(labels == 7)
    assert table["equivalent_diameter"][0] == pytest.approx(20, abs=0.3)
    assert (table["centroid-y"][0], table["centroid-x"][1]) == (30, 70)
    assert table["eccentricity"][0] == pytest.approx(0, abs=1e-6)
    assert table["solidity"][0] > 0.9
    assert table["perimeter"][0] == pytest.approx(2 * np.pi * 10, rel=0.1)
    assert table["cut_by_edge"].tolist() == [False, False, True]
    assert len({len(column) for column in table.values()}) == 1


def test_intensities_per_channel_leave_out_what_is_not_finite() -> None:
    labels = write_values("11.22")
    image = np.array([[[1, 3, 9, np.nan, 5]], [[0, 0, 0, np.inf, np.nan]]], np.float32)
    table = measure_objects(labels, image)
    assert table["intensity_mean-0"].tolist() == [2, 5]
    assert table["intensity_min-0"].tolist() == [1, 5]
    assert table["intensity_max-0"].tolist() == [3, 5]
    assert table["intensity_mean-1"][0] == 0
    assert np.isnan(table["intensity_mean-1"][1])
    assert np.isnan(table["intensity_max-1"][1])


def test_pixel_sizes_add_columns_in_micrometres() -> None:
    labels = draw_discs((40, 40), [(20, 15)], 10)
    table = measure_objects(labels, None, 0.5)
    assert table["area_um2"] == pytest.approx(table["area"] / 4)
    assert table["equivalent_diameter_um"] == pytest.approx(table["equivalent_diameter"] / 2)
    assert table["centroid-x_um"] == pytest.approx(7.5)
    assert table["perimeter_um"] == pytest.approx(table["perimeter"] / 2)
    oblong = measure_objects(labels, None, (1.0, 0.25))
    assert oblong["area_um2"] == pytest.approx(table["area"] / 4)
    assert (oblong["centroid-y_um"][0], oblong["centroid-x_um"][0]) == (20, 3.75)
    assert "perimeter_um" not in oblong
    assert not any(name.endswith(("_um", "_um2")) for name in measure_objects(labels))


def test_no_object_gives_empty_columns() -> None:
    table = measure_objects(np.zeros((5, 5), np.int32), np.zeros((2, 5, 5)), 1.0)
    assert table["label"].size == table["intensity_mean-1"].size == table["area_um2"].size == 0
