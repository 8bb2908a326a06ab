"""What a round was trained on is there whole or not at all, whenever the power fails or the disk is full."""

from pathlib import Path

import numpy as np
import pytest
from kill_harness import a_revision
from painted import FOLDER, an_image
from unreliable_disk import UnreliableDisk

from napari_unet.errors import UserError
from napari_unet.project import Project, revisions, writer
from napari_unet.project.revisions import KeptPlane, digests, read_labels, read_revision

SHAPE = (60, 70)


@pytest.fixture(autouse=True)
def _small_tiles(monkeypatch):
    monkeypatch.setattr(revisions, "SIDE", 32)
    monkeypatch.setattr(writer, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(writer, "LONGEST_PAUSE", 0.001)


def labels_of(step: int) -> np.ndarray:
    labels = np.zeros(SHAPE, np.int32)
    labels[:20, :20], labels[40:, : 10 * step] = 5, step
    return labels


def revision_of(image_id: str):
    document = a_revision(image_id)
    of = document.images[0]
    plane = of.planes[0].model_copy(update={"shape": SHAPE})
    return document.model_copy(update={"images": (of.model_copy(update={"planes": (plane,)}),)})


def run(disk: UnreliableDisk) -> list[str]:
    """Keep three revisions; return the names of those that were said to be saved."""
    saved, project = [], None
    try:
        project = Project.create(FOLDER, disk=disk)
        entry = project.add_image(an_image((*SHAPE,)))
        for step in (1, 2, 3):
            labels = labels_of(step)
            name = project.revisions.keep(revision_of(entry.id), [(labels, labels[np.newaxis])], lambda: "")
            if not project.flush(0.2 if disk.cut_at else 10):
                break
            saved.append(name)
    except (UserError, OSError):
        pass
    if project is not None:
        project.close(timeout=0.0, discard=True)
    return saved


def check(left: UnreliableDisk, saved: list[str]) -> None:
    there = [p.stem for p in left.seen if p.parent == FOLDER / "revisions" and p.suffix == ".json"]
    assert {*saved} <= {*there}
    for name in there:
        (of,) = read_revision(left, FOLDER, name).images
        labels = read_labels(left, FOLDER, of.planes[0])
        assert any(np.array_equal(labels, labels_of(step)) for step in (1, 2, 3))


def test_revisions_share_the_tiles_that_did_not_change():
    disk = UnreliableDisk()
    names = run(disk)
    tiles = [path for path in disk.seen if path.parent == FOLDER / "revisions" / "tiles"]
    assert len(names) == 3
    assert len(tiles) == 1 + 3, "the corner once, the strip below each time"
    check(disk, names)


def test_a_power_cut_at_every_step():
    disk = UnreliableDisk()
    run(disk)
    for cut in range(5, disk.steps, 3):
        broken = UnreliableDisk()
        broken.cut_at = cut
        saved = run(broken)
        for names_synced in (False, True):
            check(broken.after_power_cut(names_synced), saved)


def test_a_disk_that_is_full_for_a_while_delays_it():
    disk = UnreliableDisk()
    disk.full_from, disk.full_to = 14, 20
    assert len(run(disk)) == 3
    check(disk.after_power_cut(), [])


def test_names_from_elsewhere_open_no_other_file(tmp_path):
    with pytest.raises(UserError, match="was not kept"):
        read_revision(UnreliableDisk(), Path("/project"), "../rounds/0001")


def test_a_tile_that_unpacks_to_more_than_it_should_is_refused():
    import zlib

    disk = UnreliableDisk()
    disk.make_folder(FOLDER / "revisions" / "tiles")
    disk.write(FOLDER / "revisions" / "tiles" / ("0" * 64), zlib.compress(bytes(10**6)))
    with pytest.raises(UserError, match="was changed"):
        read_labels(disk, FOLDER, KeptPlane(name="a", shape=SHAPE, tiles=((0, 0, "0" * 64),)))


def test_digests_tell_pixels_apart_but_not_orders_of_bytes():
    pixels = np.arange(2 * 300 * 7, dtype=np.uint16).reshape(2, 300, 7)
    assert digests(pixels) == digests(pixels.astype(">u2")) == digests(np.asfortranarray(pixels))
    changed = pixels.copy()
    changed[1, 299, 6] += 1
    one, two = digests(pixels), digests(changed)
    assert one[0] == two[0]
    assert one[1] != two[1]
    assert digests(pixels.astype(np.int32))[0] != one[0]
