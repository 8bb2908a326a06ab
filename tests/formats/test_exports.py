"""Every export, read back by the library of the world it goes to, and compared pixel for pixel or vertex for vertex."""

import json
import zipfile

import geojson
import numpy as np
import pytest
import roifile
import shapely
import tifffile
import zarr
from pycocotools.coco import COCO
from scipy import ndimage
from shapely.geometry import shape as as_shape

from napari_unet.errors import UserError
from napari_unet.formats.exports import ENDINGS, Format, Objects, export, format_of
from napari_unet.formats.images import read_labels
from napari_unet.formats.roi_reading import read_rois
from napari_unet.objects.outlines import outline_of, outlines


@pytest.fixture(scope="module")
def labels():
    """Blobs with holes and pieces, one object with a corner contact, one of a single pixel, one over all of an edge."""
    rng = np.random.default_rng(0)
    blobs = ndimage.gaussian_filter(rng.random((60, 90)), 2)
    made = np.where(blobs > 0.5, 3 + (np.arange(90) // 30)[None, :] * 7, 0).astype(np.int32)
    made[:8, :20] = 0
    made[1:3, 1:3] = made[3:5, 3:5] = 70_000
    made[0, 8] = 5
    made[-1] = 9
    return made


def of(labels, plane=()):
    """Return every object's number, in order."""
    return [int(n) for n in np.unique(labels[plane]) if n]


def inside(geometry, size):
    """Return which pixels have their centre in a shape."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    return shapely.contains_xy(geometry, columns + 0.5, rows + 0.5)


def test_outlines_are_valid_polygons_of_just_the_masks_pixels():
    rng = np.random.default_rng(1)
    for _ in range(150):
        mask = rng.random((rng.integers(1, 10), rng.integers(1, 10))) < rng.random()
        pieces = [shapely.Polygon(part.outer, part.holes) for part in outline_of(mask)]
        assert all(piece.is_valid for piece in pieces)
        whole = shapely.MultiPolygon(pieces)
        assert whole.is_valid
        assert whole.area == mask.sum()
        assert np.array_equal(inside(whole, mask.shape), mask)


def test_an_outline_has_a_corner_only_where_it_turns():
    (part,) = outline_of(np.ones((3, 5), bool), (10, 20))
    assert sorted(map(tuple, part.outer.tolist())) == [(20, 10), (20, 13), (25, 10), (25, 13)]


def test_rois_are_what_roifile_reads(tmp_path, labels):
    export(Objects(labels, "a.tif"), tmp_path / "a.zip", Format.ROIS)
    back = roifile.roiread(tmp_path / "a.zip")
    assert [int(roi.name) for roi in back] == of(labels)
    for roi, outline in zip(back, outlines(labels), strict=True):
        rings = [ring for part in outline.parts for ring in (part.outer, *part.holes)]
        found = roi.coordinates(multi=True)
        if len(rings) > 1:
            assert roi.composite
            found = [ring[:-1] for ring in found]  # roifile repeats the first corner
        for ring, expected in zip(found, rings, strict=True):
            assert np.array_equal(ring, expected)
        corners = np.concatenate(rings)
        assert (roi.left, roi.top, roi.right, roi.bottom) == (*corners.min(axis=0), *corners.max(axis=0))


def test_rois_of_a_stack_say_their_plane_and_class(tmp_path, labels):
    stack = np.stack([labels, np.roll(labels, 7, axis=1)])[:, None]  # T, Z
    classes = {((1, 0), 3): "living/../x", ((0, 0), 3): "dead"}
    export(Objects(stack, "a.tif", "TZYX", classes=classes), tmp_path / "a.zip", Format.ROIS)
    back = roifile.roiread(tmp_path / "a.zip")
    assert [(roi.t_position, roi.z_position) for roi in back] == [(t, 1) for t in (1, 2) for _ in of(labels)]
    assert back[0].name == "t001-z001-00003-dead"
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert not any("/" in name or ".." in name for name in archive.namelist())
    assert len({roi.name for roi in back}) == len(back)
    export(Objects(stack[:, 0], "a.tif", "ZYX"), tmp_path / "b.zip", Format.ROIS)
    assert [roi.position for roi in roifile.roiread(tmp_path / "b.zip")] == [
        z for z in (1, 2) for _ in of(labels)
    ]


@pytest.mark.parametrize("axes", ["YX", "ZYX", "TZYX"])
def test_rois_come_back_as_the_same_pixels(tmp_path, labels, axes):
    stack = np.stack([labels, np.flipud(labels)]).reshape((1,) * (len(axes) - 3) + (2, 60, 90))
    stack = labels if axes == "YX" else stack
    export(Objects(stack, "a.tif", axes), tmp_path / "a.zip", Format.ROIS)
    back = read_rois(tmp_path / "a.zip", stack.shape, axes)
    assert back.sentence == ""
    number = 0
    for plane in np.ndindex(*stack.shape[:-2]):
        for value in of(stack, plane):
            number += 1
            assert np.array_equal(back.labels[plane] == number, stack[plane] == value)


def test_geojson_is_what_shapely_and_geojson_read(tmp_path, labels):
    stack = np.stack([labels, np.fliplr(labels)])
    classes = {((0,), 3): "living", ((1,), 3): "dead"}
    measured = {((0,), 3): {"area": 12.0}}
    made = Objects(stack, "a.tif", "ZYX", classes=classes, measurements=measured)
    export(made, tmp_path / "a.geojson", Format.GEOJSON)
    back = geojson.loads((tmp_path / "a.geojson").read_text(encoding="utf-8"))
    assert back.is_valid, back.errors()
    assert len({feature["id"] for feature in back["features"]}) == 2 * len(of(labels))
    expected = [(z, n) for z in (0, 1) for n in of(labels)]
    for feature, (z, number) in zip(back["features"], expected, strict=True):
        geometry = as_shape(feature["geometry"])
        assert geometry.is_valid
        assert np.array_equal(inside(geometry, labels.shape), stack[z] == number)
        assert feature["geometry"]["plane"] == {"c": -1, "z": z, "t": 0}
        assert feature["properties"]["objectType"] == "detection"
        assert feature["properties"]["name"] == str(number)
    assert back["features"][0]["properties"]["classification"] == {"name": "living"}
    assert back["features"][0]["properties"]["measurements"] == {"area": 12.0}


def test_coco_is_what_pycocotools_reads(tmp_path, labels):
    classes = {((), 3): "dead"}
    made = Objects(labels, "a.tif", classes=classes, class_names=("living", "dead"))
    export(made, tmp_path / "a.json", Format.COCO)
    back = COCO(tmp_path / "a.json")
    assert [c["name"] for c in back.loadCats(back.getCatIds())] == ["living", "dead"]
    assert back.loadImgs(1)[0] == {"id": 1, "file_name": "a.tif", "width": 90, "height": 60}
    annotations = back.loadAnns(back.getAnnIds())
    kinds = {type(annotation["segmentation"]) for annotation in annotations}
    assert kinds == {list, dict}, "polygons, and run lengths for what has holes"
    for annotation, number in zip(annotations, of(labels), strict=True):
        mask = labels == number
        assert np.array_equal(back.annToMask(annotation), mask)
        assert annotation["area"] == mask.sum()
        x, y, width, height = annotation["bbox"]
        assert mask[y : y + height, x : x + width].sum() == mask.sum()
        assert annotation["object_number"] == number
    assert annotations[0]["category_id"] == 2


def test_coco_of_a_stack_has_an_image_per_plane(tmp_path, labels):
    export(Objects(np.stack([labels, labels]), "a.tif"), tmp_path / "a.json", Format.COCO)
    back = json.loads((tmp_path / "a.json").read_text())
    assert [image["file_name"] for image in back["images"]] == ["a.tif[0]", "a.tif[1]"]
    assert {annotation["image_id"] for annotation in back["annotations"]} == {1, 2}


@pytest.mark.parametrize("largest", [900, 70_000])
def test_ome_tiff_is_what_tifffile_reads(tmp_path, labels, largest):
    stack = np.stack([labels, np.fliplr(labels)]).clip(0, largest)
    export(Objects(stack, "a.tif", "ZYX", 0.325), tmp_path / "a.ome.tif", Format.OME_TIFF)
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        assert tif.is_ome
        assert tif.series[0].axes == "ZYX"
        assert np.array_equal(tif.asarray(), stack)
        assert 'PhysicalSizeX="0.325"' in tif.ome_metadata
    back = read_labels(tmp_path / "a.ome.tif")
    assert (back.axes, back.pixel_size_um) == ("ZYX", 0.325)


@pytest.mark.parametrize("axes", ["YX", "ZYX", "TZYX"])
def test_ome_zarr_is_what_the_models_of_ome_zarr_and_zarr_read(tmp_path, axes):
    models = pytest.importorskip("ome_zarr_models.v05.image_label")  # asks for a newer zarr than we do
    shape = (*(2, 3)[: len(axes) - 2], 300, 1100)
    made = np.random.default_rng(0).integers(0, 100_000, shape).astype(np.int32)
    export(Objects(made, "a.tif", axes, 0.5), tmp_path / "a.zarr", Format.OME_ZARR)
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="r")
    read = models.ImageLabel.from_zarr(group)
    (multiscale,) = read.ome_attributes.multiscales
    assert [axis.name for axis in multiscale.axes] == list(axes.lower())
    levels = [group[dataset.path] for dataset in multiscale.datasets]
    assert len(levels) == 4
    for k, level in enumerate(levels):
        assert np.array_equal(level[...], made[..., :: 2**k, :: 2**k])
    assert multiscale.datasets[1].coordinateTransformations[0].scale[-2:] == [1.0, 1.0]
    back = read_labels(tmp_path / "a.zarr")
    assert (back.axes, back.pixel_size_um) == (axes, 0.5)
    with pytest.raises(UserError, match="exists already"):
        export(Objects(made, "a.tif", axes), tmp_path / "a.zarr", Format.OME_ZARR)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


@pytest.mark.parametrize("what", Format)
def test_objects_cut_by_the_edge_can_be_left_out_of_all(tmp_path, labels, what):
    whole = Objects(labels, "a.tif").without_cut()
    assert set(of(labels)) - set(of(whole.labels)) >= {5, 9}
    assert {3, 70_000} & set(of(whole.labels)) == {70_000}
    export(whole, tmp_path / f"a{ENDINGS[what]}", what)
    assert format_of(tmp_path / f"A{ENDINGS[what].upper()}") is what


def test_an_image_without_objects_gives_files_without_objects(tmp_path):
    nothing = Objects(np.zeros((5, 6), np.int32), "a.tif")
    for what in Format:
        export(nothing, tmp_path / f"a-{what}{ENDINGS[what]}", what)
    assert geojson.loads((tmp_path / "a-geojson.geojson").read_text())["features"] == []
    with zipfile.ZipFile(tmp_path / "a-rois.zip") as archive:
        assert archive.namelist() == []


def test_unknown_endings_are_refused(tmp_path):
    with pytest.raises(UserError, match="geojson"):
        format_of(tmp_path / "a.docx")
