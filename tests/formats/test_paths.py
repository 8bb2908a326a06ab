from pathlib import Path

import pytest

from napari_unet.errors import UserError
from napari_unet.formats.images import find_images, name_of, pair_by_name


@pytest.fixture
def folder(tmp_path):
    for name in ("img10.tif", "img2.tif", "b.PNG", "c.ome.tiff", "notes.txt", ".hidden.tif"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "d.zarr").mkdir()
    return tmp_path


def names(paths):
    return [path.name for path in paths]


def test_a_folder_gives_its_images_in_the_order_of_their_numbers(folder):
    assert names(find_images(folder)) == ["b.PNG", "c.ome.tiff", "d.zarr", "img2.tif", "img10.tif"]


def test_files_and_patterns(folder):
    assert names(find_images(folder / "img2.tif")) == ["img2.tif"]
    assert names(find_images(str(folder / "img*.tif"))) == ["img2.tif", "img10.tif"]
    assert names(find_images([folder / "b.PNG", folder / "d.zarr", folder / "b.PNG"])) == ["b.PNG", "d.zarr"]


@pytest.mark.parametrize("name", ["missing", "missing.tif", "x*.tif", "notes.txt"])
def test_what_can_not_be_used_is_named(folder, name):
    with pytest.raises(UserError) as error:
        find_images(folder / name)
    assert name in str(error.value)


def test_an_empty_folder_is_said(tmp_path):
    with pytest.raises(UserError, match="holds no images"):
        find_images(tmp_path)
    with pytest.raises(UserError, match="No images"):
        find_images([])


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.tif", "a"),
        ("a.ome.tif", "a"),
        ("a.ome.zarr", "a"),
        ("a.b.png", "a.b"),
        ("x/a.TIFF", "a"),
        ("a", "a"),
    ],
)
def test_names_are_without_extension(file, name):
    assert name_of(Path(file)) == name


def paths(*files):
    return [Path(file) for file in files]


def test_pairs_are_found_by_name_without_extension():
    pairs = pair_by_name(paths("i/a.png", "i/b.ome.tif"), paths("l/b.tif", "l/a.tif"))
    assert pairs == [(Path("i/a.png"), Path("l/a.tif")), (Path("i/b.ome.tif"), Path("l/b.tif"))]
    assert pair_by_name(paths("image.png"), paths("labels.tif")) == [(Path("image.png"), Path("labels.tif"))]


def test_what_stands_alone_is_named():
    with pytest.raises(UserError, match="labels c;"):
        pair_by_name(paths("a.png", "b.png"), paths("a.tif", "c.tif"))
    with pytest.raises(UserError, match="image b, c, d and 1 more;"):
        pair_by_name(paths("a.png", "b.png", "c.png", "d.png", "e.png"), paths("a.tif"))
    some = pair_by_name(paths("a.png", "b.png"), paths("b.tif"), every_image=False)
    assert some == [(Path("b.png"), Path("b.tif"))]


def test_a_name_that_occurs_twice_is_refused():
    with pytest.raises(UserError, match="same name"):
        pair_by_name(paths("a.png", "a.tif"), paths("a.tif", "b.tif"))
