"""A project that the first version wrote is opened, whole, whatever happens while it is brought up to date."""

import errno
import json
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from painted import FOLDER
from unreliable_disk import UnreliableDisk

from killing import Nursery
from napari_unet.errors import UserError
from napari_unet.project import Project, documents, recovery
from napari_unet.project.disk import UNFINISHED, Disk
from napari_unet.project.migration import bring_up_to_date
from napari_unet.project.schema import SCHEMA, STEPS

OLD = Path(__file__).with_name("schema-1")
"""Written by the program when 1 was its schema, and left with a stroke and a note in the journal."""
IMAGE = "cells-tif-00cb87"
OPENING = Path(__file__).with_name("migrating_process.py")


@pytest.fixture
def old(tmp_path):
    return Path(shutil.copytree(OLD, tmp_path / "old"))


def with_images(folder: Path, n: int) -> list[str]:
    """Let an old project have so many images, all alike; return their ids."""
    names = [IMAGE, *(f"copy-{k}" for k in range(1, n))]
    for name in names[1:]:
        shutil.copytree(folder / "images" / IMAGE, folder / "images" / name)
    path = folder / "project.json"
    fields = json.loads(path.read_bytes())
    fields["images"] = [{"id": name, "name": name, "progress": "work"} for name in names]
    path.write_text(json.dumps(fields))
    return names


def check(folder: Path, disk: Disk | None = None, names: tuple[str, ...] = (IMAGE,)) -> None:
    """Check that all is there that the old program wrote."""
    with Project.open(folder, disk=disk) as project:
        assert project.name == "Nuclei"
        assert [image.id for image in project.images] == list(names)
        assert {image.progress for image in project.images} == {"work"}
        assert project.notes == {"current_round": 1}
        for name in names:
            entry = project.image(name)
            state = entry.open()
            assert state.sentences == ()
            annotation, segmentation = np.zeros((2, 20, 30), np.int32)
            annotation[1:6, 1:6], annotation[8:11, 2:22], annotation[15:19, 20:26] = 2, 1, 3
            segmentation[2:8, 2:8] = 7
            np.testing.assert_array_equal(state.arrays["annotation"], annotation)
            np.testing.assert_array_equal(state.arrays["segmentation"], segmentation)
            assert (state.notes["channels"], state.notes["object_size"]) == ([0, 2], 12.5)
            assert (state.notes["place"], len(state.notes["regions"])) == ([1, 2], 1)
            assert (entry.description.channels, entry.description.file.size) == ((0, 2), 1800)
        kept, sentences = project.rounds.all()
        assert sentences == []
        assert kept[0].document.revisions == {IMAGE: 8}
        assert np.isnan(kept[0].document.outcome.loss[1])
        if disk is None:
            kept[0].load()


def versions(folder: Path) -> dict[str, int | None]:
    paths = [path for path in folder.rglob("*.json") if path.name != "zarr.json"]
    return {path.name: json.loads(path.read_bytes()).get("schema_version") for path in paths}


def test_an_old_project_is_brought_up_to_date_once(old):
    assert versions(old) == {"project.json": 1, "state.json": 1, "0001.json": 1, "image.json": None}
    check(old)
    assert set(versions(old).values()) == {SCHEMA}
    check(old)
    with Project.open(old) as project:
        said = [line for line in project.history() if line["what"] == "Bring up to date"]
        assert [(line["before"], line["now"]) for line in said] == [(1, SCHEMA)]
        assert project.history()[0]["what"] == "Paint", "what was noted before is still there"


def test_every_version_has_a_step_to_the_next():
    assert sorted(STEPS) == list(range(1, SCHEMA))


def test_the_older_program_says_that_it_is_too_old(old, monkeypatch):
    check(old)
    monkeypatch.setattr(documents, "SCHEMA", SCHEMA - 1)
    with pytest.raises(UserError, match="was made by a newer napari-unet: update"):
        Project.open(old)


def test_looking_at_old_recovery_projects_changes_nothing(old):
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    found = recovery.recoveries(old.parent)
    assert [(one.name, one.n_rounds) for one in found] == [("Nuclei", 1)]
    with Project.open(old) as project:
        described = project.image(IMAGE).description
    for path, content in before.items():
        path.write_bytes(content)
    assert [image for _, image in recovery.recoveries_of(described, old.parent)] == [IMAGE]
    assert {path: path.read_bytes() for path in before} == before


def test_a_damaged_document_does_not_hold_up_the_others(old):
    names = with_images(old, 2)
    (old / "images" / names[1] / "state.json").write_text('{"schema_version": 1, "sequence": ')
    with Project.open(old) as project:
        project.image(IMAGE).open()
        with pytest.raises(UserError, match=r"state\.json is damaged"):
            project.image(names[1]).open()


def in_memory(old: Path) -> UnreliableDisk:
    disk = UnreliableDisk()
    for path in sorted(old.rglob("*")):
        if path.is_file():
            place = FOLDER / path.relative_to(old)
            disk.make_folder(place.parent)
            disk.seen[place] = disk.kept[place] = [path.read_bytes()]
    disk.steps = 0
    return disk


def migration_steps(old: Path) -> int:
    """Return how many steps there are with the lock's; what comes then is the history's, tried again if it fails."""
    disk = in_memory(old)
    disk.lock(FOLDER / "lock", False)
    bring_up_to_date(disk, FOLDER)
    return disk.steps


@pytest.mark.parametrize("names_synced", [False, True])
def test_the_power_fails_at_every_step_of_it(old, names_synced):
    whole = in_memory(old)
    Project.open(FOLDER, disk=whole).close()
    assert whole.steps > 10
    for step in range(1, whole.steps + 1):
        disk = in_memory(old)
        disk.cut_at = step
        with suppress(UserError, OSError):
            Project.open(FOLDER, disk=disk).close(timeout=0.0, discard=True)
        check(FOLDER, disk.after_power_cut(names_synced))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO])
def test_a_disk_that_fails_is_a_sentence_and_the_next_time_does_the_rest(old, code):
    for step in range(1, migration_steps(old) + 1):
        disk = in_memory(old)
        disk.full_from, disk.full_to, disk.code = step, step + 1, code
        with pytest.raises(UserError, match="could not be opened: "):
            Project.open(FOLDER, disk=disk)
        check(FOLDER, disk)


def migrate_and_kill(folder: Path, kills: int, n_projects: int, n_images: int) -> int:
    """Return how many kills fell into a migration; how long one takes on this machine is seen as it goes on."""
    within, took = 0, 0.04
    with Nursery(OPENING) as nursery:
        for seed in range(kills):
            projects = [folder / f"{seed}-{k}" for k in range(n_projects)]
            for project in projects:
                shutil.copytree(OLD, project)
                names = with_images(project, n_images)
            said, _ = nursery.run_and_kill(*projects, seed=seed, seconds=(0.0, took * n_projects))
            opened = [line["opening"] for line in said if "opening" in line]
            begun = [line["time"] for line in said if "opening" in line]
            took = float(np.mean(np.diff(begun))) if len(begun) > 1 else 1.5 * took
            if opened and opened[-1] is not None:
                left = Path(opened[-1])
                within += is_between(left)
                check(left, names=tuple(names))
                assert not [path for path in left.rglob("*") if path.name.endswith(UNFINISHED)]
            for project in projects:
                shutil.rmtree(project)
            print(f"killed {seed + 1} times, {within} of them within a migration", flush=True)
    return within


def is_between(folder: Path) -> bool:
    """Return whether some of a project's documents are of the old version and some of the new one."""
    paths = [path for path in folder.rglob("*.json") if path.name in ("image.json", "project.json")]
    return {json.loads(path.read_bytes()).get("schema_version") for path in paths} == {None, 1, SCHEMA}


@pytest.mark.slow
def test_a_process_is_killed_while_it_migrates(tmp_path):
    migrate_and_kill(tmp_path, 2, 3, 6)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_process_is_killed_while_it_migrates_200_times(tmp_path):
    within = migrate_and_kill(tmp_path, 200, 6, 12)
    print(f"{within} of 200 kills fell between the first document and the last")
    assert within > 100
