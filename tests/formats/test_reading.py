import json
import sys

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_unet.errors import UserError
from napari_unet.formats.images import read_image, read_labels

GREY = np.arange(30, dtype=np.uint8).reshape(5, 6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64", "bool"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tiff_of_every_type_is_read_equal_and_native(tmp_path, dtype, byteorder):
    expected = (GREY > 7) if dtype == "bool" else GREY.astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", expected, byteorder=byteorder)
    image = read_image(tmp_path / "a.tif")
    assert np.array_equal(image.array, expected)
    assert image.array.dtype.isnative
    assert (image.axes, image.name, image.rgb, image.pixel_size_um) == ("YX", "a", False, None)


def test_ome_tiff_tells_axes_and_pixel_size(tmp_path):
    stack = np.zeros((2, 3, 4, 5, 6), np.uint16)
    metadata = {"axes": "TZCYX", "PhysicalSizeX": 325.0, "PhysicalSizeXUnit": "nm"}
    tifffile.imwrite(tmp_path / "a.ome.tif", stack, metadata=metadata)
    image = read_image(tmp_path / "a.ome.tif")
    assert (image.axes, image.array.shape, image.name) == ("TZCYX", (2, 3, 4, 5, 6), "a")
    assert image.pixel_size_um == pytest.approx(0.325)


@pytest.mark.parametrize(
    ("unit", "expected"), [("um", 0.25), ("\\u00B5m", 0.25), ("micron", 0.25), ("mm", 250), ("pixel", None)]
)
def test_imagej_tiff_tells_axes_and_pixel_size(tmp_path, unit, expected):
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.zeros((3, 5, 6), np.uint16),
        imagej=True,
        resolution=(4, 4),
        metadata={"axes": "CYX", "unit": unit},
    )
    image = read_image(tmp_path / "a.tif")
    assert image.axes == "CYX"
    assert image.pixel_size_um == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("per_unit", "unit", "expected"),
    [
        (20_000, "CENTIMETER", 0.5),
        (72, "INCH", None),
        (300, "INCH", None),
        (50_800, "INCH", 0.5),
        (4, "NONE", None),
    ],
)
def test_resolution_tags_are_believed_when_a_microscope_could_have_meant_them(
    tmp_path, per_unit, unit, expected
):
    tifffile.imwrite(tmp_path / "a.tif", GREY, resolution=(per_unit, per_unit), resolutionunit=unit)
    size = read_image(tmp_path / "a.tif").pixel_size_um
    assert size == (None if expected is None else pytest.approx(expected))


def test_unnamed_pages_are_planes(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for k in range(3):
            writer.write(GREY + k, contiguous=False)
    image = read_image(tmp_path / "a.tif")
    assert image.array.shape[-2:] == GREY.shape
    tifffile.imwrite(tmp_path / "b.tif", np.stack([GREY] * 3), metadata=None, photometric="minisblack")
    assert read_image(tmp_path / "b.tif").axes == "ZYX"


def test_png_and_jpeg_in_all_their_colours(tmp_path):
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 255, (20, 30, 4), dtype=np.uint8)
    iio.imwrite(tmp_path / "rgba.png", colour)
    image = read_image(tmp_path / "rgba.png")
    assert (image.axes, image.rgb) == ("YXS", True)
    assert np.array_equal(image.array, colour[..., :3])
    equal = np.repeat(colour[..., :1], 4, axis=2)
    iio.imwrite(tmp_path / "grey in colour.png", equal)
    image = read_image(tmp_path / "grey in colour.png")
    assert (image.axes, image.rgb) == ("YX", False)
    assert np.array_equal(image.array, colour[..., 0])
    iio.imwrite(tmp_path / "deep.png", (GREY.astype(np.uint16) * 1000))
    assert read_image(tmp_path / "deep.png").array.max() == 29_000
    iio.imwrite(tmp_path / "photo.JPG", colour[..., :3])
    assert read_image(tmp_path / "photo.JPG").array.shape == (20, 30, 3)


def test_rgb_tiff_has_samples_last_even_when_stored_as_planes(tmp_path):
    colour = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", colour, photometric="rgb")
    tifffile.imwrite(
        tmp_path / "b.tif", np.moveaxis(colour, 2, 0), photometric="rgb", planarconfig="separate"
    )
    for name in ("a.tif", "b.tif"):
        image = read_image(tmp_path / name)
        assert image.rgb
        assert np.array_equal(image.array, colour)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_is_read_at_full_resolution(tmp_path, version):
    zarr = pytest.importorskip("zarr")
    root = zarr.open_group(tmp_path / "a.ome.zarr", mode="w", zarr_format=2 if version == "0.4" else 3)
    expected = np.arange(2 * 5 * 6, dtype=np.uint16).reshape(1, 2, 1, 5, 6)
    for name, level in (("0", expected), ("1", expected[..., ::2, ::2])):
        root.create_array(name, shape=level.shape, dtype=level.dtype)[...] = level
    space = [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"]
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}, *space]
    scales = [[1, 1, 2, 0.5, 0.5], [1, 1, 2, 1.0, 1.0]]
    datasets = [
        {"path": str(k), "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        for k, scale in enumerate(scales)
    ]
    described = {"multiscales": [{"axes": axes, "datasets": datasets, "version": version}]}
    root.attrs.update(described if version == "0.4" else {"ome": described})
    image = read_image(tmp_path / "a.ome.zarr")
    assert np.array_equal(image.array, expected)
    assert (image.axes, image.pixel_size_um, image.name) == ("TCZYX", 0.5, "a")


def test_a_zarr_folder_without_image_and_missing_zarr_say_so(tmp_path, monkeypatch):
    zarr = pytest.importorskip("zarr")
    zarr.open_group(tmp_path / "a.zarr", mode="w")
    with pytest.raises(UserError, match="without an OME image"):
        read_image(tmp_path / "a.zarr")
    (tmp_path / "b.zarr").mkdir()
    with pytest.raises(UserError, match="OME-Zarr"):
        read_image(tmp_path / "b.zarr")
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(UserError, match="pip install zarr"):
        read_image(tmp_path / "a.zarr")


def _write_bad_files(folder):
    (folder / "text.png").write_text("not an image")
    (folder / "text.tif").write_text("not an image")
    (folder / "empty.tif").write_bytes(b"")
    (folder / "empty.jpg").write_bytes(b"")
    noise = np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)
    iio.imwrite(folder / "whole.png", noise)
    (folder / "cut.png").write_bytes((folder / "whole.png").read_bytes()[:9000])
    tifffile.imwrite(folder / "whole.tif", noise)
    (folder / "cut.tif").write_bytes((folder / "whole.tif").read_bytes()[:9000])
    tifffile.imwrite(folder / "packed.tif", noise, compression="zlib")
    content = bytearray((folder / "packed.tif").read_bytes())
    content[-5000:] = b"\0" * 5000
    (folder / "packed.tif").write_bytes(bytes(content))
    tifffile.imwrite(folder / "complex.tif", noise.astype(complex))


@pytest.mark.parametrize(
    "name",
    ["text.png", "text.tif", "empty.tif", "empty.jpg", "cut.png", "cut.tif", "packed.tif", "complex.tif"],
)
def test_damaged_files_give_one_sentence_that_names_them(tmp_path, name):
    _write_bad_files(tmp_path)
    with pytest.raises(UserError) as error:
        read_image(tmp_path / name)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["missing.tif", "notes.txt"])
def test_what_is_not_there_or_no_image_is_said(tmp_path, name):
    (tmp_path / "notes.txt").write_text(json.dumps({}))
    with pytest.raises(UserError, match=name):
        read_image(tmp_path / name)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_common_compressions_need_no_other_package(tmp_path, compression, dtype):
    pages = [Image.fromarray((GREY + k).astype(dtype)) for k in range(3)]
    pages[0].save(tmp_path / "one.tif", compression=compression)
    pages[0].save(tmp_path / "three.tif", compression=compression, save_all=True, append_images=pages[1:])
    assert np.array_equal(read_image(tmp_path / "one.tif").array, GREY)
    three = read_image(tmp_path / "three.tif")
    assert three.axes == "ZYX"
    assert np.array_equal(three.array, np.stack([GREY, GREY + 1, GREY + 2]))


def test_lzw_in_colour(tmp_path):
    colour = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(colour).save(tmp_path / "a.tif", compression="tiff_lzw")
    assert np.array_equal(read_image(tmp_path / "a.tif").array, colour)


def test_a_codec_that_is_missing_is_named(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(np.float64))
    monkeypatch.setattr(iio, "imiter", lambda *_, **__: [np.zeros((2, 2))])

    def refuse(*_args, **_keywords):
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", refuse)
    with pytest.raises(UserError, match="pip install imagecodecs"):
        read_image(tmp_path / "a.tif")


def test_labels_are_whole_numbers_in_one_channel(tmp_path):
    tifffile.imwrite(tmp_path / "float.tif", GREY.astype(np.float32))
    labels = read_labels(tmp_path / "float.tif").array
    assert labels.dtype == np.int64
    assert np.array_equal(labels, GREY)
    tifffile.imwrite(tmp_path / "half.tif", GREY / 2)
    tifffile.imwrite(tmp_path / "nan.tif", np.where(GREY > 3, np.nan, GREY))
    tifffile.imwrite(tmp_path / "colour.tif", np.stack([GREY, GREY, GREY + 1], -1), photometric="rgb")
    for name, said in (("half", "fractions"), ("nan", "fractions"), ("colour", "several channels")):
        with pytest.raises(UserError, match=said):
            read_labels(tmp_path / f"{name}.tif")
