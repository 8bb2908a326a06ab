"""What files say of their axes."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_unet.errors import UserError
from napari_unet.formats.axes import check_axes, letters_of, says_axes
from napari_unet.formats.header import read_header
from napari_unet.formats.images import read_image
from napari_unet.session.pictures import as_source

STACK = np.arange(2 * 3 * 16 * 18, dtype=np.uint16).reshape(2, 3, 16, 18)


def test_ome_tiff_says_axes_and_distance(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    about = {"axes": "TZYX", "PhysicalSizeX": 0.2, "PhysicalSizeZ": 1500, "PhysicalSizeZUnit": "nm"}
    tifffile.imwrite(path, STACK, metadata=about)
    header = read_header(path)
    assert header is not None
    assert (header.axes, header.shape, header.plane_distance_um) == ("TZYX", STACK.shape, 1.5)
    source = as_source(read_image(path))
    assert source.axes == "TZYX"
    assert source.scale == (1.0, 1.5, 0.2, 0.2)
    assert source.units == ("pixel", "um", "um", "um")


def test_imagej_tiff_says_axes_and_distance(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    about = {"axes": "ZCYX", "spacing": 0.7, "unit": "um"}
    tifffile.imwrite(path, STACK, imagej=True, metadata=about, resolution=(4, 4))
    header = read_header(path)
    assert header is not None
    assert (header.axes, header.plane_distance_um) == ("ZCYX", 0.7)


@pytest.mark.parametrize("kind", ["ome", "plain"])
def test_ome_zarr_says_axes_and_distance_and_a_bare_array_nothing(tmp_path: Path, kind: str) -> None:
    import zarr

    path = tmp_path / "a.zarr"
    if kind == "plain":
        zarr.save_array(str(path), STACK)
        assert read_header(path) is None
        return
    group = zarr.open_group(str(path), mode="w")
    group.create_array("0", shape=STACK.shape, dtype=STACK.dtype)[...] = STACK
    axes = [
        {"name": "t", "type": "time"},
        {"name": "z", "type": "space", "unit": "micrometer"},
        *({"name": name, "type": "space", "unit": "micrometer"} for name in "yx"),
    ]
    scale = [{"type": "scale", "scale": [1, 2.5, 0.5, 0.5]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    header = read_header(path)
    assert header is not None
    assert (header.axes, header.shape, header.plane_distance_um) == ("TZYX", STACK.shape, 2.5)


def test_pages_that_nobody_named_damage_and_pictures_say_nothing(tmp_path: Path) -> None:
    plain, damaged = tmp_path / "plain.tif", tmp_path / "damaged.tif"
    tifffile.imwrite(plain, STACK[0], metadata=None, photometric="minisblack")
    damaged.write_bytes(plain.read_bytes()[:30])
    header = read_header(plain)
    assert header is None or "Z" not in header.axes
    assert read_header(damaged) is None
    assert read_header(tmp_path / "gone.tif") is None
    assert read_header(tmp_path / "picture.png") is None


def test_axes_are_checked_in_sentences() -> None:
    assert check_axes("t, c, z, y, x", (1, 2, 3, 4, 5)) == "TCZYX"
    assert check_axes("pyx", (1, 2, 3)) == "PYX"
    sentences = {"ZYX": "names 3 axes", "ZZYX": "each axis once", "TZCX": "Y for rows", "T-YX": "no letters"}
    for wrong, why in sentences.items():
        with pytest.raises(UserError, match=why):
            check_axes(wrong, (2, 3, 4, 5))


def test_labels_say_axes_where_all_are_named() -> None:
    assert says_axes(("Time", "z", "y", "x"))
    assert not says_axes(("axis -3", "y", "x"))
    assert not says_axes(("y", "x", "z"))
    assert letters_of(("z", "y", "x"), 4) == "TZYX"
