"""Many files: what one does not do to the others, and where a run goes on."""

import csv
import os
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_unet.errors import Stopped
from napari_unet.formats.images import read_labels
from napari_unet.workflow.batch import RESULTS, Segmenter, in_words, run_batch, word_for
from napari_unet.workflow.batch_record import RECORD, Wanted
from napari_unet.workflow.segmentation import Segmented
from tiny_models import a_model


class Segmenting:
    """A segmentation by threshold, which counts how often it is asked."""

    def __init__(self):
        self.n, self.trouble = 0, {}

    def __call__(self, model, image, *, pixel_size_um, on_progress, should_stop):
        self.n += 1
        if self.n in self.trouble:
            raise self.trouble[self.n]
        if should_stop():
            raise Stopped
        labels = (image[0] > 100).astype(np.int32)
        return Segmented(
            labels, np.stack([1 - labels, labels]).astype(np.float32), None, 1.0, ("Look twice.",)
        )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "out").mkdir()
    for k in range(4):
        image = np.zeros((20, 30), np.uint8)
        image[5:10, 5 : 10 + k] = 200
        tifffile.imwrite(tmp_path / f"{k}.tif", image)
    return tmp_path


@pytest.fixture
def segmenting():
    return Segmenting()


def files(folder):
    return [(folder / f"{k}.tif", folder / "out" / f"{k}.tif") for k in range(4)]


def by(segmenting, made_with="a", **wanted):
    model = a_model()
    return Segmenter(lambda plane: model, segmenting, made_with, Wanted(**wanted))


def rows(folder):
    with open(folder / "out" / RESULTS, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_bad_files_are_told_with_their_reason_and_the_others_are_done(folder, segmenting):
    (folder / "1.tif").write_text("no image")
    segmenting.trouble = {2: ZeroDivisionError("a bug\nin two lines"), 3: MemoryError()}
    heard = []
    done = run_batch(files(folder), by(segmenting), on_done=heard.append)
    assert heard == done
    assert [each.state for each in done] == ["done", "failed", "failed", "failed"]
    assert [row["state"] for row in rows(folder)] == [each.state for each in done]
    assert "damaged" in rows(folder)[1]["remark"]
    assert rows(folder)[2]["remark"] == "ZeroDivisionError: a bug in two lines"
    assert "not enough memory" in rows(folder)[3]["remark"]
    assert in_words(done, 4) == "1 of 4 files are segmented, 3 failed."
    assert sorted(p.name for p in (folder / "out").iterdir()) == [RECORD, "0.tif", RESULTS]
    segmenting.trouble = {}
    again = run_batch(files(folder), by(segmenting))
    assert [each.state for each in again] == ["kept", "failed", "done", "done"]


def test_a_run_that_was_stopped_goes_on(folder, segmenting):
    done = run_batch(files(folder), by(segmenting), should_stop=lambda: segmenting.n >= 3)
    assert [each.state for each in done] == ["done", "done"]
    assert in_words(done, 4) == "2 of 4 files are segmented, 2 are left for the next time."
    done = run_batch(files(folder), by(segmenting))
    assert [each.state for each in done] == ["kept", "kept", "done", "done"]
    assert segmenting.n == 5
    assert [row["objects"] for row in rows(folder)] == ["1"] * 4


def test_what_changed_is_made_anew(folder, segmenting):
    run_batch(files(folder), by(segmenting))
    os.utime(folder / "0.tif", ns=(1, 1))
    (folder / "out" / "1.tif").unlink()
    state = [each.state for each in run_batch(files(folder), by(segmenting))]
    assert state == ["done", "done", "kept", "kept"]
    for changed in (by(segmenting, "b"), by(segmenting, "b", rois=True)):
        assert [each.state for each in run_batch(files(folder), changed)] == ["done"] * 4
    assert [each.state for each in run_batch(files(folder), changed, again=True)] == ["done"] * 4
    (folder / "out" / RECORD).write_text('{"0.tif": {"source": ["nonsense"]}}')
    assert [each.state for each in run_batch(files(folder), changed)] == ["done"] * 4


def test_everything_wanted_lies_beside_the_labels(folder, segmenting):
    run_batch(files(folder)[:1], by(segmenting, probabilities=True, rois=True, table=True))
    names = {p.name for p in (folder / "out").iterdir()}
    assert names == {RECORD, RESULTS, "0.tif", "0_probabilities.tif", "0.zip", "0_objects.csv"}
    with open(folder / "out" / "0_objects.csv", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["area"], row["intensity_mean-0"]) == ("25", "200")
    assert read_labels(folder / "out" / "0.tif").array.sum() == 25


def test_channels_are_chosen_as_in_the_window(folder, segmenting):
    image = np.zeros((3, 20, 30), np.uint8)
    image[2, :4, :4] = 200
    tifffile.imwrite(folder / "0.tif", image, imagej=True, metadata={"axes": "CYX"})
    third = replace(by(segmenting), channels=(2,))
    done = run_batch(files(folder)[:2], third)
    assert [each.state for each in done] == ["done", "failed"]
    assert "channel 3" in done[1].sentences[0]
    assert read_labels(folder / "out" / "0.tif").array.sum() == 16


def test_the_word_tells_networks_and_settings_apart():
    model = a_model()
    word = word_for(model, {"tile": None})
    assert word == word_for(model, {"tile": None}) != word_for(model, {"tile": 64})
