"""Images that were moved are found again, or asked for."""

import numpy as np
import pytest
import zarr
from painted import an_image

from napari_unet.errors import UserError
from napari_unet.project import ImageMissing, Project, refer_to
from napari_unet.project.image_file import BLOCK, find_file, is_same


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "work" / "project"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "work" / "images" / "cells.tif"
    path.parent.mkdir(parents=True)
    path.write_bytes(np.random.default_rng(0).bytes(5 * BLOCK))
    return path


def described(image, project):
    return an_image((20, 30)).model_copy(update={"file": refer_to(image, project)})


def test_at_its_place(image, project):
    assert find_file(described(image, project), "a", project) == image


def test_moved_with_the_project(image, project, tmp_path):
    description = described(image, project)
    (tmp_path / "work").rename(tmp_path / "elsewhere")
    found = find_file(description, "a", tmp_path / "elsewhere" / "project")
    assert found == tmp_path / "elsewhere" / "images" / "cells.tif"


@pytest.mark.parametrize("name", ["cells.tif", "renamed.tif"])
def test_beside_the_project_or_in_a_given_folder(image, project, tmp_path, name):
    description = described(image, project)
    image.rename(project.parent / name)
    assert find_file(description, "a", project) == project.parent / name
    other = tmp_path / "other"
    other.mkdir()
    (project.parent / name).rename(other / name)
    with pytest.raises(ImageMissing, match="say where it is") as missing:
        find_file(description, "a", project)
    assert (missing.value.image_id, missing.value.path) == ("a", image)
    assert find_file(description, "a", project, [other]) == other / name


def test_another_file_of_the_same_name_is_not_taken(image, project):
    description = described(image, project)
    content = bytearray(image.read_bytes())
    content[-1] ^= 1
    image.write_bytes(content)
    with pytest.raises(ImageMissing, match="was changed since"):
        find_file(description, "a", project)


def test_a_file_that_was_only_touched_is_the_same(image, project):
    description = described(image, project)
    image.touch()
    assert find_file(description, "a", project) == image


def test_a_zarr_folder_is_known_by_its_description(tmp_path, project):
    path = tmp_path / "cells.zarr"
    zarr.save_array(path, np.ones((30, 30)))
    reference = refer_to(path, project)
    path.rename(tmp_path / "moved.zarr")
    assert is_same(tmp_path / "moved.zarr", reference)
    zarr.save_array(path, np.ones((30, 31)))
    assert not is_same(path, reference)


def test_sentences(tmp_path, project):
    with pytest.raises(UserError, match="could not be read"):
        refer_to(tmp_path / "none.tif", project)
    with pytest.raises(UserError, match="without a file"):
        find_file(an_image((20, 30)), "a", project)


def test_a_new_place_is_kept(tmp_path, image):
    with Project.create(tmp_path / "project") as kept:
        entry = kept.add_image(described(image, kept.folder))
        image.rename(image.with_name("new.tif"))
        entry.relocate(image.with_name("new.tif"))
    with Project.open(tmp_path / "project") as kept:
        assert kept.image(entry.id).find_file() == image.with_name("new.tif")
