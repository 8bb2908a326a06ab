"""Boxes of images that are not read whole."""

import numpy as np
import pytest
import tifffile
import zarr

from napari_unet.errors import UserError
from napari_unet.formats import lazy
from napari_unet.formats.lazy import LazyImage, open_lazily
from napari_unet.formats.writing import write_labels_in_parts

PIXELS = np.random.default_rng(0).integers(0, 60_000, (2, 300, 410)).astype(np.uint16)
BOX = (17, 130, 250, 410)


def the_box(channels=(0, 1)):
    return PIXELS[list(channels), 17:130, 250:410]


@pytest.mark.parametrize(
    "options",
    [
        {"tile": (64, 64), "compression": "zlib"},
        {"rowsperstrip": 7},
        {"rowsperstrip": 50, "compression": "zlib"},
        {"byteorder": ">"},
        {
            "ome": True,
            "tile": (32, 48),
            "metadata": {"axes": "CYX", "PhysicalSizeX": 0.5, "PhysicalSizeXUnit": "µm"},
        },
    ],
    ids=["tiles", "strips", "packed strips", "other byte order", "OME"],
)
def test_boxes_of_tiff(tmp_path, options):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, PIXELS, photometric="minisblack", **{"metadata": {"axes": "CYX"}, **options})
    image = open_lazily(path)
    assert (image.name, image.shape) == ("a", (2, 300, 410))
    assert image.pixel_size_um == (0.5 if "ome" in options else None)
    box = image.read(*BOX, 2)
    assert box.dtype == np.uint16
    np.testing.assert_array_equal(box, the_box())


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_boxes_of_ome_zarr(tmp_path, zarr_format):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=zarr_format)
    stored = group.create_array("full", shape=(1, 2, 1, 300, 410), chunks=(1, 1, 1, 100, 100), dtype="u2")
    stored[...] = PIXELS[None, :, None]
    scale = {"type": "scale", "scale": [1, 1, 1, 0.25, 0.25]}
    axes = [{"name": n, "type": "space", **({"unit": "micrometer"} if n in "yx" else {})} for n in "tczyx"]
    multiscales = [{"axes": axes, "datasets": [{"path": "full", "coordinateTransformations": [scale]}]}]
    group.attrs.update(
        {"multiscales": multiscales} if zarr_format == 2 else {"ome": {"multiscales": multiscales}}
    )
    image = open_lazily(tmp_path / "a.zarr")
    assert (image.shape, image.pixel_size_um) == ((2, 300, 410), 0.25)
    np.testing.assert_array_equal(image.read(*BOX, 2), the_box())


def test_colours_and_chosen_channels():
    rgba = np.moveaxis(np.concatenate([PIXELS, PIXELS]), 0, -1)
    assert LazyImage("a", rgba, "YXS").shape == (3, 300, 410)
    np.testing.assert_array_equal(LazyImage("a", rgba, "YXS").read(*BOX, 3), the_box((0, 1, 0)))
    one = LazyImage("a", PIXELS, "CYX", channels=(1,))
    assert one.shape == (1, 300, 410)
    np.testing.assert_array_equal(one.read(*BOX, 1), the_box((1,)))
    assert one.read(*BOX, 3).shape[0] == 3  # grey serves as RGB


def test_pixels_are_only_read_where_they_are_asked_for():
    import dask.array

    asked = []

    def make(block_info):
        asked.append(block_info[None]["chunk-location"])
        return np.zeros(block_info[None]["chunk-shape"], np.uint8)

    array = dask.array.map_blocks(
        make, chunks=((1000,) * 10, (1000,) * 10), dtype=np.uint8, meta=np.zeros(0, np.uint8)
    )
    LazyImage("a", array, "YX").read(100, 300, 5900, 6100, 1)
    assert sorted(asked) == [(0, 5), (0, 6)]


def test_what_cannot_be_read_box_by_box_is_refused_in_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="has 3 planes"):
        LazyImage("a", np.zeros((3, 5, 5)), "ZYX")
    with pytest.raises(UserError, match="There is no file"):
        open_lazily(tmp_path / "none.tif")
    (tmp_path / "bad.tif").write_bytes(b"II*\0" + bytes(40))
    with pytest.raises(UserError, match="could not be read"):
        open_lazily(tmp_path / "bad.tif")
    monkeypatch.setattr(lazy, "LARGEST_PIECE", 10_000)
    tifffile.imwrite(tmp_path / "one.tif", PIXELS[0], compression="zlib", rowsperstrip=300)
    with pytest.raises(UserError, match="too large to be read one by one"):
        open_lazily(tmp_path / "one.tif")
    stored = zarr.create_array(tmp_path / "one.zarr", shape=(300, 410), chunks=(300, 410), dtype="u2")
    stored[...] = PIXELS[0]
    with pytest.raises(UserError, match="in smaller chunks"):
        open_lazily(tmp_path / "one.zarr")


def test_labels_are_written_in_parts(tmp_path):
    labels = np.random.default_rng(0).integers(0, 2**30, (700, 1100)).astype(np.int32)
    stored = zarr.create_array(tmp_path / "a.zarr", shape=labels.shape, chunks=(512, 512), dtype="i4")
    stored[...] = labels
    write_labels_in_parts(tmp_path / "a.tif", stored, 0.5)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), labels)
    assert open_lazily(tmp_path / "a.tif").pixel_size_um == 0.5
