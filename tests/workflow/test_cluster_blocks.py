"""Blocks on a cluster of one worker that is this process: it gets pickles and gives pickles, as over a network."""

from __future__ import annotations

import pickle
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from block_scenes import crowd, in_blocks, matched

from napari_unet.errors import Stopped
from napari_unet.formats.lazy import open_lazily
from napari_unet.workflow import cluster, cluster_jobs
from napari_unet.workflow.blocks.files import BlockFiles
from napari_unet.workflow.blocks.packing import Parcel
from napari_unet.workflow.blocks.segmentation import unfinished_of
from napari_unet.workflow.cluster import Cluster
from napari_unet.workflow.cluster_blocks import BlocksOnCluster

WORKER = "tcp://here:1"


class Elsewhere:
    """The part of dask's client that is used, and its executors."""

    status = "running"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sent = 0

    def nthreads(self) -> dict[str, int]:
        return {WORKER: 1}

    def run(self, function: Any, *arguments: Any, on_error: str = "raise") -> dict[str, Any]:
        return {WORKER: function(*pickle.loads(pickle.dumps(arguments)))}

    def get_executor(self, pure: bool, **where: Any) -> Elsewhere:
        assert where == {"workers": [WORKER], "allow_other_workers": True}
        return self

    def submit(self, function: Any, *arguments: Any, **options: Any) -> Future[Any]:
        self.asked.append(function.__name__)
        given = [pickle.dumps(k.result() if isinstance(k, Future) else k) for k in arguments]
        self.sent += sum(len(part) for part in given[1:])
        future: Future[Any] = Future()
        try:
            future.set_result(pickle.loads(pickle.dumps(function(*map(pickle.loads, given)))))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self, timeout: int) -> None:
        pass


@pytest.fixture
def elsewhere(monkeypatch):
    pytest.importorskip("distributed")
    client = Elsewhere()
    monkeypatch.setattr(cluster, "_connect", lambda address: client)
    return client


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("image") / "crowd.tif"
    tifffile.imwrite(path, crowd(530, 1050)[0])
    return path


@pytest.fixture(scope="module")
def at_home(learned, tmp_path_factory):
    output = tmp_path_factory.mktemp("home") / "o.zarr"
    return read(in_blocks(learned.model, crowd(530, 1050), output).labels)


def read(folder: Path) -> np.ndarray:
    return np.asarray(zarr.open_array(folder / "0", mode="r")[...])


def segment(model, image, output: Path, **settings: Any):
    place = BlocksOnCluster(Cluster("tcp://nowhere"))
    return place, in_blocks(model, image, output, place=place, **settings)


def check(done, at_home) -> None:
    labels = read(done.labels)
    equal, n = matched(at_home, labels, 1.0)
    assert equal == n == done.n_objects == len(np.unique(labels)) - 1
    assert not list(done.labels.glob(".worked-on*"))


def test_workers_that_see_the_disk_get_nothing_but_the_block_that_is_meant(
    learned, elsewhere, file, at_home, tmp_path
):
    place, done = segment(learned.model, open_lazily(file), tmp_path / "o.zarr")
    assert place.by_disk
    check(done, at_home)
    assert set(elsewhere.asked) == {"kept", "tile_of_disk", "block_of_disk"}
    assert elsewhere.sent < 20_000


def test_other_workers_get_pixels(learned, elsewhere, at_home, tmp_path):
    place, done = segment(learned.model, crowd(530, 1050), tmp_path / "o.zarr")
    assert not place.by_disk
    check(done, at_home)
    assert set(elsewhere.asked) == {"kept", "tile_of_pixels", "block_of_pixels"}


def test_a_disk_that_another_computer_sees_late_or_not_is_done_without(
    learned, elsewhere, file, at_home, tmp_path, monkeypatch
):
    monkeypatch.setattr(BlockFiles, "wait_for_tiles", lambda files, tiles, seconds: False)
    place, done = segment(learned.model, open_lazily(file), tmp_path / "o.zarr")
    assert not place.by_disk
    check(done, at_home)
    assert {"block_of_disk", "block_of_pixels"} <= set(elsewhere.asked)


def test_another_image_of_the_same_name_is_not_taken(learned, elsewhere, file, tmp_path, monkeypatch):
    other = tmp_path / "crowd.tif"
    tifffile.imwrite(other, crowd(530, 1050, seed=1)[0])
    image = open_lazily(file)
    object.__setattr__(image, "again", partial(open_lazily, other))  # as if it were found there
    with pytest.raises(Stopped):
        segment(learned.model, image, tmp_path / "o.zarr", should_stop=lambda: len(elsewhere.asked) > 1)
    assert elsewhere.asked[1] == "tile_of_pixels"


def test_who_is_still_at_work_when_all_is_over_writes_nothing(
    learned, elsewhere, file, tmp_path, monkeypatch
):
    run_tile, output = cluster_jobs.run_tile, tmp_path / "o.zarr"

    def be_late(*arguments):
        for token in unfinished_of(output).glob(".worked-on*"):
            token.unlink()
        return run_tile(*arguments)

    monkeypatch.setattr(cluster_jobs, "run_tile", be_late)
    with pytest.raises(Stopped):
        segment(
            learned.model,
            open_lazily(file),
            output,
            should_stop=lambda: "tile_of_disk" in elsewhere.asked,
        )
    assert not list((unfinished_of(output) / "probabilities" / "0").rglob("[0-9]*/[0-9]*/[0-9]*"))


def test_arrays_are_packed_on_their_way_and_come_out_as_they_were():
    for array in (
        np.arange(10.0).reshape(2, 5)[:, ::2],
        np.zeros((0, 3), np.int32),
        np.array([[True, False]]),
    ):
        parcel = pickle.loads(pickle.dumps(Parcel(array)))
        np.testing.assert_array_equal(parcel.array, array)
        assert parcel.array.dtype == array.dtype
    assert len(pickle.dumps(Parcel(np.zeros((1000, 1000), np.int32)))) < 50_000
