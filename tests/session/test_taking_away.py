"""What leaves a session: objects with their classes, and tables."""

import csv
import json

import numpy as np
import pyarrow.parquet
import pytest
import tifffile

from napari_unet.annotation.coding import LabelsAre
from napari_unet.errors import UserError
from napari_unet.formats.exports import ENDINGS, Format
from napari_unet.session import ImageSource, Session


@pytest.fixture
def session():
    """Two planes of 40 × 50 px and two channels, 0.5 µm each, with three objects; one is cut by the edge."""
    session = Session()
    grey = np.random.default_rng(0).integers(0, 200, (2, 2, 40, 50)).astype(np.uint8)  # C, Z, Y, X
    session.set_image(ImageSource("cells.tif", grey, 0, False, (2.0, 0.5, 0.5), ("µm", "µm", "µm")))
    session.annotating.start(LabelsAre.OBJECTS)
    found = np.zeros((2, 40, 50), np.int32)
    found[0, 5:15, 5:15], found[0, :8, 30:40], found[1, 20:30, 20:40] = 1, 2, 1
    for z in (0, 1):
        session.segmenting.show((z,), found[z], "Segment")
    return session


def test_a_table_has_a_line_per_object_and_plane(session, tmp_path):
    taken = session.prepare_saving()
    table = taken.table()
    assert list(table)[:2] == ["plane-0", "label"]
    assert table["area"].tolist() == [100, 80, 200]
    assert table["area_um2"].tolist() == [25, 20, 50]
    assert table["cut_by_edge"].tolist() == [False, True, False]
    first = session.image.data[1, 0, 5:15, 5:15]
    assert table["intensity_sum-1"][0] == first.sum()
    assert table["intensity_std-1"][0] == pytest.approx(first.std())
    assert taken.table(whole_only=True)["area"].tolist() == [100, 200]
    taken.save_table(tmp_path / "a.parquet", whole_only=True)
    back = pyarrow.parquet.read_table(tmp_path / "a.parquet").to_pydict()
    assert {name: list(values) for name, values in taken.stack_table(True).items()} == back
    taken.save_table(tmp_path / "a.csv")
    with open(tmp_path / "a.csv", encoding="utf-8") as file:
        assert [row["z"] for row in csv.DictReader(file)] == ["0", "0", "1"]


def test_geojson_takes_classes_and_measurements_along(session, tmp_path):
    session.annotating.set_class_names(["living", "dead"])
    session.prepare_saving().save_objects(tmp_path / "a.geojson", Format.GEOJSON)
    features = json.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))["features"]
    assert [feature["geometry"]["plane"]["z"] for feature in features] == [0, 0, 1]
    assert features[2]["properties"]["classification"] == {"name": "living"}
    assert features[2]["properties"]["measurements"]["area_um2"] == 50
    assert features[1]["properties"]["measurements"]["cut_by_edge"] == 1


@pytest.mark.parametrize("what", Format)
def test_every_format_can_be_saved_and_nothing_is_left_behind_without_objects(session, tmp_path, what):
    session.prepare_saving().save_objects(tmp_path / f"a{ENDINGS[what]}", what, whole_only=True)
    assert [path.name for path in tmp_path.iterdir()] == [f"a{ENDINGS[what]}"]
    if what is Format.TIFF:
        whole = session.result()
        whole[0, :8, 30:40] = 0
        assert np.array_equal(tifffile.imread(tmp_path / "a.tif"), whole)
    empty = Session()
    empty.set_image(session.image)
    with pytest.raises(UserError, match="no segmentation"):
        empty.prepare_saving().save_objects(tmp_path / "b", what)
