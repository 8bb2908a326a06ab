"""Model files: what is written comes back, and bad files are told in one sentence and cost nothing."""

import json
import os
import struct
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from napari_unet.errors import UserError
from napari_unet.network import model_file
from napari_unet.network.model_file import (
    HEADER_KEY,
    Model,
    ModelDescription,
    Provenance,
    load_model,
    save_model,
)
from napari_unet.network.scaling import Normalisation
from napari_unet.network.unet import UNet, UNetConfig

torch.set_num_threads(1)


def describe(**changes: object) -> ModelDescription:
    fields: dict[str, object] = {
        "name": "cells of Tuesday",
        "network": UNetConfig(in_channels=2, classes=3, distance=True, width=2, depth=2),
        "channel_names": ("DAPI", "actin"),
        "normalisation": Normalisation(mode="as in training", low=(0.0, 1.5), high=(255.0, 900.0)),
        "object_size": 28.0,
        "object_size_um": 9.5,
        "scale": 0.4,
        "labels_are": "classes",
        "class_names": ("background", "nucleus", "spindle"),
        "separation": {"threshold": 0.5, "method": "distance"},
        "training": Provenance(seed=3, steps=100, held_out=(("a.tif", (0, 64, 0, 64)),), scores={"f1": 0.9}),
    }
    return ModelDescription.model_validate(fields | changes)


@pytest.fixture
def model() -> Model:
    network = UNet(describe().network).train()
    network(torch.randn(2, 2, 16, 16) * 3 + 1)  # statistics that are not the initial ones
    return Model(describe(), network)


@pytest.fixture
def saved(model: Model, tmp_path: Path) -> Path:
    save_model(model, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def rewrite_header(path: Path, **changes: object) -> None:
    """Change fields of the description in a model file; None takes a field away."""
    with model_file.safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()[HEADER_KEY])
    header = {key: value for key, value in (header | changes).items() if value is not None}
    save_file(load_file(path), path, {HEADER_KEY: json.dumps(header)})


def test_a_saved_model_comes_back_as_it_was(model, saved):
    loaded = load_model(saved)
    assert loaded.description == model.description
    image = torch.randn(1, 2, 8, 8)
    assert torch.equal(loaded.network(image), model.network.eval()(image))
    assert not loaded.network.training


def test_half_precision_is_half_as_large_and_nearly_the_same(model, tmp_path):
    network = UNet(model.description.network.model_copy(update={"width": 16}))
    wide = Model(model.description.model_copy(update={"network": network.config}), network.eval())
    save_model(wide, tmp_path / "full.safetensors")
    save_model(wide, tmp_path / "half.safetensors", half=True)
    assert os.path.getsize(tmp_path / "half.safetensors") < 0.6 * os.path.getsize(
        tmp_path / "full.safetensors"
    )
    image = torch.randn(1, 2, 16, 16)
    loaded = load_model(tmp_path / "half.safetensors").network
    assert loaded.classify.weight.dtype == torch.float32
    torch.testing.assert_close(loaded(image), network(image), rtol=2e-2, atol=2e-2)


def test_loaded_weights_survive_the_file(model, saved):
    loaded = load_model(saved)
    saved.write_bytes(b"")
    image = torch.randn(1, 2, 8, 8)
    assert torch.equal(loaded.network(image), model.network.eval()(image))


def test_a_failed_save_leaves_the_old_file_and_nothing_else(model, saved, monkeypatch):
    before = saved.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_file.os, "fsync", full)
    with pytest.raises(UserError, match="no space left on device"):
        save_model(model, saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


def test_saving_into_a_folder_that_is_not_there_is_told(model, tmp_path):
    with pytest.raises(UserError, match="could not be written: no such file or directory"):
        save_model(model, tmp_path / "nowhere" / "model.safetensors")


def test_weights_that_are_not_finite_are_neither_saved_nor_loaded(model, saved):
    state = load_file(saved)
    state["classify.bias"][0] = float("nan")
    save_file(state, saved, {HEADER_KEY: model.description.model_dump_json()})
    with pytest.raises(UserError, match=r"classify\.bias"):
        load_model(saved)
    torch.nn.init.constant_(model.network.classify.bias, float("inf"))
    with pytest.raises(UserError, match=r"classify\.bias"):
        save_model(model, saved)


@pytest.mark.parametrize("kept", [0, 4, 100, -1, -1000])
def test_a_truncated_file_is_refused(saved, kept):
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(UserError, match="damaged or no model file"):
        load_model(saved)


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04 a pickle, never to be opened",
        b"PK\x03\x04" + bytes(200),
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 90_000_000) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 68) + b'{"w":{"dtype":"F32","shape":[999999999],"data_offsets":[0,3999999996]}}',
    ],
)
def test_foreign_and_hostile_files_are_refused(tmp_path, content):
    (tmp_path / "bad.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="damaged or no model file"):
        load_model(tmp_path / "bad.safetensors")


def test_safetensors_of_another_program_are_refused(tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match="not written by napari-unet"):
        load_model(tmp_path / "other.safetensors")


def test_missing_files_and_folders_are_told(tmp_path):
    for path in (tmp_path, tmp_path / "nothing.safetensors"):
        with pytest.raises(UserError, match="no such file"):
            load_model(path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format_version": 2}, "update napari-unet"),
        ({"format_version": 0}, "format_version"),
        ({"format_version": "new"}, "format_version"),
        ({"surprise": 1}, "surprise"),
        ({"normalisation": None}, "normalisation"),
        ({"class_names": ["one"]}, "class_names"),
        ({"object_size": "NaN"}, "object_size"),
        ({"scale": 0}, "scale"),
        ({"labels_are": "sheep"}, "labels_are"),
        ({"name": "x" * 10_000}, "name"),
        ({"network": {"in_channels": 2, "classes": 3, "width": 10**9}}, "width"),
        (
            {"network": {"in_channels": 2, "classes": 3, "distance": True, "width": 1024, "depth": 7}},
            "does not fit",
        ),
        (
            {"network": {"in_channels": 2, "classes": 3, "distance": True, "width": 2, "depth": 3}},
            "does not fit",
        ),
    ],
)
def test_a_header_that_cannot_be_used_is_told_in_one_sentence(saved, changes, says):
    rewrite_header(saved, **changes)
    with pytest.raises(UserError, match=says) as caught:
        load_model(saved)
    assert "\n" not in str(caught.value)


def test_a_header_that_is_no_json_is_refused(saved):
    for text in ("", "{", "[" * 100_000, "null"):
        save_file(load_file(saved), saved, {HEADER_KEY: text})
        with pytest.raises(UserError, match="header that cannot be used"):
            load_model(saved)


@pytest.mark.parametrize("change", ["missing", "extra", "transposed", "integers"])
def test_tensors_that_do_not_fit_the_architecture_are_refused(model, saved, change):
    state = load_file(saved)
    if change == "missing":
        del state["classify.bias"]
    elif change == "extra":
        state["zzz"] = torch.zeros(1)
    elif change == "transposed":
        state["classify.weight"] = state["classify.weight"].transpose(0, 1).contiguous()
    else:
        state["classify.weight"] = state["classify.weight"].to(torch.int64)
    save_file(state, saved, {HEADER_KEY: model.description.model_dump_json()})
    with pytest.raises(UserError, match="does not fit its own header"):
        load_model(saved)


@pytest.mark.parametrize(
    "changes",
    [
        {"channel_names": ("one",)},
        {"rgb": True},
        {"normalisation": Normalisation(mode="per image", low=(0.0,), high=(1.0,))},
        {"object_size": float("inf")},
    ],
)
def test_a_description_that_contradicts_itself_cannot_be_made(changes):
    with pytest.raises(ValidationError):
        describe(**changes)
