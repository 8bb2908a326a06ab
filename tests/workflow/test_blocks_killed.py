"""A process that is killed in the middle of an image costs one block, and no object."""

import json
import os
from pathlib import Path

import numpy as np
import psutil
import pytest
import zarr
from block_scenes import crowd, in_blocks

from killing import run_and_kill
from napari_unet.errors import UserError
from napari_unet.network.model_file import save_model
from napari_unet.workflow.blocks import plan
from napari_unet.workflow.blocks.journal import NAME, Journal
from napari_unet.workflow.blocks.segmentation import unfinished_of

MEMORY = 12e9
"""For both processes, so that the second goes on with what the first has begun."""


def read(folder: Path) -> np.ndarray:
    return np.asarray(zarr.open_array(folder / "0", mode="r")[...])


@pytest.mark.parametrize(
    "seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]
)
def test_a_killed_run_is_gone_on_with_at_its_block(learned, tmp_path, monkeypatch, seed):
    monkeypatch.setattr(plan, "LARGEST_BLOCK", plan.CHUNK)
    save_model(learned.model, tmp_path / "m.safetensors")
    output = tmp_path / "o.zarr"
    said, _ = run_and_kill(
        Path(__file__).with_name("blocks_process.py"),
        tmp_path / "m.safetensors",
        output,
        MEMORY,
        seed=seed,
        seconds=(0.0, 0.2),
    )
    assert unfinished_of(output).is_dir()
    again: list[tuple[int, ...]] = []
    in_blocks(learned.model, crowd(), output, memory=MEMORY, on_block=again.append)
    assert 6 - len(said) - 1 <= len(again) <= 6 - len(said)
    in_blocks(learned.model, crowd(), tmp_path / "at_once.zarr", memory=MEMORY)
    np.testing.assert_array_equal(read(output), read(tmp_path / "at_once.zarr"))


def test_a_torn_line_is_left_out(tmp_path):
    journal = Journal.begin(tmp_path, {"a": 1}, {"b": 2})
    journal.add((0, 0), 5, [])
    journal.add((0, 1), 9, [(2, 7)])
    path = tmp_path / NAME
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"block": [1, 0], "ne')
    again = Journal.read(tmp_path)
    assert again is not None
    assert (again.done, again.next_number, again.same) == ({(0, 0), (0, 1)}, 9, [(2, 7)])
    again.add((1, 0), 12, [])
    third = Journal.read(tmp_path)
    assert third is not None
    assert third.done == {(0, 0), (0, 1), (1, 0)}
    path.write_bytes(whole[: whole.index(b"\n") // 2])
    assert Journal.read(tmp_path) is None


def test_two_processes_do_not_write_one_image(tmp_path):
    Journal.begin(tmp_path, {}, {})
    parent = psutil.Process(os.getppid())
    line = {"process": parent.pid, "born": parent.create_time(), "host": os.uname().nodename}
    with open(tmp_path / NAME, "a") as file:
        file.write(json.dumps(line) + "\n")
    with pytest.raises(UserError, match=f"another process \\({parent.pid}\\)"):
        Journal.read(tmp_path)
