"""Image files that were made to do harm: one sentence, and neither memory nor time is taken for them."""

import base64
import json
import pickle
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from harm import Harm
from napari_unet.errors import UserError
from napari_unet.formats import room
from napari_unet.formats.images import read_image

GREY = np.arange(30, dtype=np.uint8).reshape(5, 6)


@pytest.fixture
def harm(tmp_path):
    """Return a pickle, and check at the end that nothing has read it."""
    pickled = pickle.dumps(Harm(tmp_path / "harm"))
    yield pickled
    assert not (tmp_path / "harm").exists(), "the pickle was read"
    pickle.loads(pickled)
    assert (tmp_path / "harm").exists(), "it would not have done anything"


def with_size(path: Path, width: int, height: int) -> None:
    """Let a TIFF of one strip say that it is larger; the rest of it stays."""
    with tifffile.TiffFile(path, mode="r+") as tif:
        page = tif.pages[0]
        page.tags["ImageWidth"].overwrite(width)
        page.tags["ImageLength"].overwrite(height)
        page.tags["RowsPerStrip"].overwrite(height)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_tiff_that_says_it_is_larger_than_memory(tmp_path, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY, compression=compression)
    with_size(path, 60_000, 60_000)
    with pytest.raises(UserError, match=r"can't hold what its header says"):
        read_image(path)
    with_size(path, 2**31 - 1, 2**31 - 1)
    with pytest.raises(UserError, match="more than there is"):
        read_image(path)


def test_a_tiff_of_millions_of_strips_that_are_not_there(tmp_path):
    """Found by fuzzing: 366 bytes that were read for minutes."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GREY)
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages[0].tags["ImageLength"].overwrite(36_818_126)
        tif.pages[0].tags["RowsPerStrip"].overwrite(1)
    with pytest.raises(UserError, match="damaged"):
        read_image(path)


def test_what_is_larger_than_memory_is_refused_before_any_is_taken(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", GREY)
    Image.fromarray(GREY).save(tmp_path / "a.png")
    zarr.create_array(tmp_path / "a.zarr", shape=(5, 6), chunks=(5, 6), dtype="u1")[:] = GREY
    for name in ("a.tif", "a.png", "a.zarr"):
        read_image(tmp_path / name)
    monkeypatch.setattr(room, "free_memory", lambda: 29)
    for name in ("a.tif", "a.png", "a.zarr"):
        with pytest.raises(UserError, match="more than there is"):
            read_image(tmp_path / name)


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.zarr"])
def test_memory_that_is_refused_after_all_is_a_sentence(tmp_path, monkeypatch, name):
    """Found by fuzzing: a limit of the process counts, too, not only what is free."""
    tifffile.imwrite(tmp_path / "a.tif", GREY)
    Image.fromarray(GREY).save(tmp_path / "a.png")
    zarr.create_array(tmp_path / "a.zarr", shape=(5, 6), chunks=(5, 6), dtype="u1")[:] = GREY

    def hungry(*what, **how):
        raise MemoryError

    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", hungry)
    monkeypatch.setattr(zarr.Array, "__getitem__", hungry)
    monkeypatch.setattr("imageio.v3.imread", hungry)
    with pytest.raises(UserError, match="more than there is"):
        read_image(tmp_path / name)


@pytest.mark.parametrize("side", [3_000, 200_000, 2**31 - 1])
def test_a_png_that_says_it_is_large(tmp_path, side):
    path = tmp_path / "a.png"
    Image.fromarray(GREY).save(path)
    content = path.read_bytes()
    header = struct.pack(">II", side, side) + content[24:29]
    checksum = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    path.write_bytes(content[:16] + header + checksum + content[33:])
    with pytest.raises(UserError, match=r"more pixels than|can't hold what|could not be read"):
        read_image(path)


@pytest.mark.parametrize(
    "content", [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"GIF89a", b"\x93NUMPY"]
)
def test_what_is_called_png_and_is_something_else_is_not_opened(tmp_path, content):
    """PostScript, for example, is a program."""
    (tmp_path / "a.png").write_bytes(content + bytes(100))
    with pytest.raises(UserError, match="damaged or no image"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    "name", ["../secret.tif", "/etc/secret.tif", "..\\secret.tif", "C:secret.tif", "a/b.tif"]
)
def test_an_ome_tiff_reads_no_files_elsewhere(tmp_path, name):
    (tmp_path / "inside").mkdir()
    tifffile.imwrite(tmp_path / "secret.tif", GREY + 100)
    path = tmp_path / "inside" / "a.ome.tif"
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:a">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="6" SizeY="5" SizeZ="1" '
        f'SizeC="1" SizeT="1"><TiffData IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:uuid:b</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )
    tifffile.imwrite(path, GREY, description=xml, metadata=None)
    with pytest.raises(UserError, match="names files outside of its own folder"):
        read_image(path)


def test_an_ome_tiff_that_multiplies_its_words_is_read_without_them(tmp_path):
    """Each entity is ten of the one before: a few lines that would be gigabytes."""
    lines = [f'<!ENTITY e{k} "{f"&e{k - 1};" * 10}">' for k in range(1, 12)]
    xml = f'<!DOCTYPE x [<!ENTITY e0 "lol">{"".join(lines)}]><OME xmlns="OME">&e11;</OME>'
    tifffile.imwrite(tmp_path / "a.ome.tif", GREY, description=xml, metadata=None)
    try:
        assert np.array_equal(read_image(tmp_path / "a.ome.tif").array, GREY)
    except UserError as error:
        assert "could not be read" in str(error)  # noqa: PT017 (either is right)


def v2(place: Path, **changed: object) -> None:
    """Write a Zarr array of version 2."""
    place.mkdir()
    described = {
        "zarr_format": 2, "shape": [5, 6], "chunks": [5, 6], "dtype": "|u1", "compressor": None, "fill_value": 0,
        "filters": None, "order": "C",
    }  # fmt: skip
    (place / ".zarray").write_text(json.dumps(described | changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"compressor": {"id": "pickle", "protocol": 5}},
        {"filters": [{"id": "pickle", "protocol": 5}]},
        {"dtype": "|O", "filters": [{"id": "pickle", "protocol": 5}]},
    ],
)
def test_a_zarr_array_of_pickles_is_not_read(tmp_path, harm, changed, monkeypatch):
    # As numcodecs was until 0.16: it reads them.
    monkeypatch.setattr("numcodecs.pickles.ALLOW_UNSAFE_PICKLE_DECODE", True, raising=False)
    place = tmp_path / "a.zarr"
    v2(place, **changed, **({"fill_value": base64.b64encode(harm).decode()} if "dtype" in changed else {}))
    (place / "0.0").write_bytes(harm)
    with pytest.raises(UserError, match=r"pickle|no image|could not be read"):
        read_image(place)


def test_a_zarr_array_in_a_place_outside_is_not_read(tmp_path):
    zarr.create_array(tmp_path / "secret", shape=(5, 6), chunks=(5, 6), dtype="u1")[:] = GREY
    for level in ("../secret", str(tmp_path / "secret"), "..\\secret", "0/../../secret"):
        place = tmp_path / "a.zarr"
        zarr.open_group(place, mode="w").attrs["ome"] = {
            "version": "0.5",
            "multiscales": [{"axes": [], "datasets": [{"path": level}]}],
        }
        with pytest.raises(UserError, match="outside of its own folder"):
            read_image(place)


@pytest.mark.parametrize("changed", [{"shape": [2**40, 2**40]}, {"chunks": [2**30, 2**30]}])
def test_a_zarr_array_that_says_it_is_large(tmp_path, changed):
    v2(tmp_path / "a.zarr", **changed)
    (tmp_path / "a.zarr" / "0.0").write_bytes(bytes(30))
    with pytest.raises(UserError, match="more than there is"):
        read_image(tmp_path / "a.zarr")


def test_a_zarr_array_of_millions_of_chunks_that_are_not_there(tmp_path):
    """zarr looks for every one of them: hours, for a header of 300 bytes."""
    v2(tmp_path / "a.zarr", shape=[2**26, 6], chunks=[5, 6])
    (tmp_path / "a.zarr" / "1.0").write_bytes(bytes(range(1, 31)))
    began = time.perf_counter()
    read = read_image(tmp_path / "a.zarr").array
    assert time.perf_counter() - began < 20
    assert read.shape == (2**26, 6)
    assert read[4:11, 0].tolist() == [0, 1, 7, 13, 19, 25, 0]


@pytest.mark.parametrize("form", [2, 3])
@pytest.mark.parametrize("fill", [0, 7])
def test_a_zarr_array_with_few_chunks_is_read_as_it_is(tmp_path, form, fill):
    stored = zarr.create_array(
        str(tmp_path / "a.zarr"),
        shape=(90, 70),
        chunks=(2, 2),
        dtype="uint16",
        fill_value=fill,
        zarr_format=form,
    )
    stored[31:35, 65:] = 100
    np.testing.assert_array_equal(read_image(tmp_path / "a.zarr").array, stored[...])
    assert (read_image(tmp_path / "a.zarr").array == fill).sum() == 90 * 70 - 4 * 5


@pytest.mark.parametrize("chunks", [[0, 6], [5, 0]])
def test_a_zarr_array_in_chunks_of_nothing_is_refused(tmp_path, chunks):
    v2(tmp_path / "a.zarr", chunks=chunks)
    with pytest.raises(UserError, match="Zarr"):
        read_image(tmp_path / "a.zarr")
