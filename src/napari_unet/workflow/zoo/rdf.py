"""The description of a package (``bioimageio.yaml``, format 0.5): what stands in it, as plain values."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_unet.network.model_file import Model, ModelDescription
from napari_unet.network.scaling import CLIPPED, HIGH_PERCENTILE, LOW_PERCENTILE
from napari_unet.workflow.scale import scale_of
from napari_unet.workflow.zoo.about import About
from napari_unet.workflow.zoo.onnx_file import OPSET
from napari_unet.workflow.zoo.texts import tags

FORMAT_VERSION = "0.5.4"
UNET = ("Ronneberger et al. (2015): U-Net, the network.", "10.1007/978-3-319-24574-4_28")
Described = dict[str, Any]


def describe(
    model: Model, about: About, folder: Path, pixel_size_um: float | None, smallest: int
) -> Described:
    """Return the description of what lies in a folder.

    Parameters
    ----------
    smallest
        Least side in px of an image that the network takes.
    """
    return {
        "type": "model",
        "format_version": FORMAT_VERSION,
        "name": about.name,
        "description": about.description,
        "authors": [{"name": name} for name in about.authors],
        "license": about.license,
        "cite": [{"text": text, "doi": doi} for text, doi in (UNET, *about.citations)],
        "tags": tags(model.description),
        "documentation": "documentation.md",
        "covers": ["cover.png"],
        "timestamp": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "inputs": [_input(model.description, folder, pixel_size_um, smallest)],
        "outputs": [_output(model.description, folder, pixel_size_um)],
        "weights": _weights(model.description, folder),
        "config": {"napari_unet": {"model": model.description.model_dump_json()}},
    }


def architecture_of(description: ModelDescription) -> Described:
    """Return what `shipped_unet.UNet` is made with."""
    config = description.network
    return {
        "in_channels": config.in_channels,
        "classes": config.classes,
        "distance": config.distance,
        "width": config.width,
        "depth": config.depth,
        "padded": config.padded,
        "batch": config.normalisation == "batch",
    }


def _weights(description: ModelDescription, folder: Path) -> Described:
    architecture = {**_file(folder, "unet.py"), "callable": "UNet", "kwargs": architecture_of(description)}
    version = torch.__version__.split("+")[0]
    state = {**_file(folder, "weights.pt"), "architecture": architecture, "pytorch_version": version}
    weights = {"pytorch_state_dict": state}
    if (folder / "weights.onnx").exists():
        onnx = {**_file(folder, "weights.onnx"), "opset_version": OPSET, "parent": "pytorch_state_dict"}
        weights["onnx"] = onnx
    return weights


def _input(
    description: ModelDescription, folder: Path, pixel_size_um: float | None, smallest: int
) -> Described:
    config, scale = description.network, _scale(description, pixel_size_um)
    names = description.channel_names or tuple(f"channel{k}" for k in range(config.in_channels))
    axes = [
        {"type": "space", "id": axis, "size": {"min": smallest, "step": config.multiple}, **scale}
        for axis in "yx"
    ]
    return {
        "id": "image",
        "description": f"Objects are about {description.object_size:.0f} px in diameter.",
        "axes": [{"type": "batch"}, _channels(names), *axes],
        "test_tensor": _file(folder, "sample_in.npy"),
        "data": {"type": "float32"},
        "preprocessing": _preprocessing(description),
    }


def _preprocessing(description: ModelDescription) -> list[Described]:
    normalisation = description.normalisation
    clip = {"id": "clip", "kwargs": {"min": CLIPPED[0], "max": CLIPPED[1]}}
    if normalisation.mode == "per image":
        percentiles = {"min_percentile": LOW_PERCENTILE, "max_percentile": HIGH_PERCENTILE}
        return [{"id": "scale_range", "kwargs": {"axes": ["y", "x"], **percentiles, "eps": 1e-6}}, clip]
    low, high = np.array(normalisation.low), np.array(normalisation.high)
    gain = 1 / np.where(high > low, high - low, np.inf)
    kwargs: Described = {"axis": "channel", "gain": gain.tolist(), "offset": (-low * gain).tolist()}
    if low.size == 1:
        kwargs = {"gain": float(gain[0]), "offset": float(-low[0] * gain[0])}
    return [{"id": "scale_linear", "kwargs": kwargs}, clip]


def _output(description: ModelDescription, folder: Path, pixel_size_um: float | None) -> Described:
    config = description.network
    further = ["foreground"] if config.classes == 2 else [f"class{k}" for k in range(1, config.classes)]
    names = list(description.class_names) or ["background", *further]
    words, axes = "A probability per class, background first.", list[Described]()
    if config.distance:
        names, words = [*names, "depth in object"], f"{words} Last, how deep inside an object, 0 to 1."
    halo = {"halo": config.halo} if config.padded else {}
    for axis in "yx":
        size = {"tensor_id": "image", "axis_id": axis, "offset": -2 * config.margin}
        scale = _scale(description, pixel_size_um)
        axes.append({"type": "space", "id": axis, "size": size, **halo, **scale})
    return {
        "id": "probabilities",
        "description": words,
        "axes": [{"type": "batch"}, _channels(names), *axes],
        "test_tensor": _file(folder, "sample_out.npy"),
        "data": {"type": "float32", "range": [0.0, 1.0]},
    }


def _scale(description: ModelDescription, pixel_size_um: float | None) -> Described:
    """Return how large a pixel of the network is, nothing where it is not known."""
    if not pixel_size_um:
        return {}
    return {"scale": pixel_size_um / scale_of(description, None, pixel_size_um), "unit": "micrometer"}


def _channels(names: Sequence[str]) -> Described:
    return {"type": "channel", "channel_names": [_identifier(name) for name in names]}


def _identifier(name: str) -> str:
    """Return a name that can stand in the description: a word of ASCII letters, digits and underscores."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name).strip("_")
    return plain if plain and not plain[0].isdigit() else f"channel_{plain}"


def _file(folder: Path, name: str) -> Described:
    return {"source": name, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}
