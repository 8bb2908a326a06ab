"""Parts of files that unpack to gigabytes: one sentence, and no memory is taken for them."""

import bz2
import gzip
import lzma
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
import zarr

from napari_unet.errors import UserError
from napari_unet.formats import unpacking
from napari_unet.formats.images import read_image
from napari_unet.formats.unpacking import check_part

GREY = np.arange(30, dtype=np.uint8).reshape(5, 6)
STEP = bytes(1024**2)
SAFE = 8 * 1024**2


@pytest.fixture(autouse=True)
def _little_is_safe(monkeypatch):
    """Less than in earnest, so that the tests are fast."""
    monkeypatch.setattr(unpacking, "SAFE", SAFE)


def packed(n_megabytes, kind="deflate"):
    """Pack so many megabytes of nothing, step by step."""
    packer = {
        "deflate": zlib.compressobj,
        "gzip": lambda: zlib.compressobj(wbits=31),
        "lzma": lzma.LZMACompressor,
        "bz2": bz2.BZ2Compressor,
    }[kind]()
    return b"".join(packer.compress(STEP) for _ in range(n_megabytes)) + packer.flush()


@pytest.fixture(scope="module")
def bomb():
    return packed(24)


def with_strip(path, content, **how):
    """Write a TIFF of one strip, and let that be something else."""
    tifffile.imwrite(path, GREY, compression="zlib", **how)
    with tifffile.TiffFile(path, mode="r+") as tif:
        page = tif.pages[0]
        end = path.stat().st_size
        page.tags["StripOffsets"].overwrite(end)
        page.tags["StripByteCounts"].overwrite(len(content))
    with open(path, "ab") as file:
        file.write(content)


def most_memory(read):
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="unpacks to more than its header says"):
            read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_strip_of_a_tiff(tmp_path, bomb):
    with_strip(tmp_path / "a.tif", bomb)
    assert most_memory(lambda: read_image(tmp_path / "a.tif")) < 12e6


def test_a_chunk_of_a_zarr_array(tmp_path, bomb):
    for version in (2, 3):
        place = tmp_path / f"{version}.zarr"
        zarr.create_array(place, shape=(5, 6), chunks=(5, 6), dtype="u1", zarr_format=version)[:] = GREY
        chunk = next(
            path for path in place.rglob("*") if path.is_file() and not path.name.startswith((".z", "zarr"))
        )
        np.testing.assert_array_equal(read_image(place).array, GREY)
        chunk.write_bytes(bomb)
        assert most_memory(lambda place=place: read_image(place)) < 12e6


@pytest.mark.parametrize("kind", ["deflate", "gzip", "lzma", "bz2"])
def test_every_way_of_packing(tmp_path, kind):
    content = packed(24, kind)
    assert most_memory(lambda: check_part(tmp_path, content, 30)) < 12e6
    check_part(tmp_path, content, 24 * 1024**2)
    check_part(tmp_path, content[: len(content) // 2], 24 * 1024**2)  # cut short: for the reader to say


def test_several_one_behind_the_other(tmp_path):
    content = gzip.compress(b"little") + packed(24, "gzip")
    assert most_memory(lambda: check_part(tmp_path, content, 30)) < 12e6


@pytest.mark.parametrize("kind", ["zstd", "blosc"])
def test_what_says_how_much_it_is(tmp_path, kind):
    codecs = pytest.importorskip("numcodecs")
    codec = codecs.Zstd() if kind == "zstd" else codecs.Blosc()
    for n in (100, 70_000, SAFE + 1024**2):  # sizes of one to eight bytes
        content = bytes(codec.encode(np.zeros(n, np.uint8)))
        check_part(tmp_path, content, n)
        if n > SAFE:
            with pytest.raises(UserError, match="unpacks to more"):
                check_part(tmp_path, content, 30)
        else:
            check_part(tmp_path, content, 1)


def test_what_is_packed_well_is_read(tmp_path):
    image = np.zeros((2000, 2000), np.uint32)  # 16 MB of 0.02
    tifffile.imwrite(tmp_path / "a.tif", image, compression="zlib", rowsperstrip=2000)
    assert read_image(tmp_path / "a.tif").array.shape == image.shape
