"""Networks that another program made, as ONNX: they segment, and can't be trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_unet.callbacks import OnProgress, ShouldStop, never_stop, no_progress
from napari_unet.errors import Stopped, UserError
from napari_unet.network.architecture import UNetConfig
from napari_unet.network.model_file import ModelDescription
from napari_unet.network.scaling import (
    SMALLEST_SCALE,
    TARGET_SIZE,
    Normalisation,
    resample_image,
    resample_probability,
)
from napari_unet.objects.separate import SeparationSettings, separate, why_empty
from napari_unet.workflow.segmentation import Segmented

MISSING = "This network is ONNX, which needs one more package: pip install 'napari-unet[onnx]'."
LARGEST_TILE = 512
OVERLAP = 64
"""Px of context on each side of a tile, as far as most U-Nets see."""
_BORDERS = ("boundary", "boundaries", "border", "borders", "edge", "membrane")


@dataclass(frozen=True, eq=False)
class ForeignModel:
    """A network of planes and how its input is made and its output read.

    Attributes
    ----------
    name
        What it is called.
    n_channels
        Of the image.
    least, step
        Sides that it takes: ``least + k · step`` px.
    word
        Differs for networks that differ.
    """

    name: str
    n_channels: int
    least: int
    step: int
    word: str
    preprocessing: tuple[Mapping[str, Any], ...]
    postprocessing: tuple[Mapping[str, Any], ...]
    channel_names: tuple[str, ...]
    session: Any
    pixel_size_um: float | None = None

    @property
    def description(self) -> ModelDescription:
        """What is known of it, in the words of our own models."""
        n = self.n_channels
        return ModelDescription(
            name=self.name[:300],
            network=UNetConfig(in_channels=n, classes=2),
            normalisation=Normalisation(low=(0.0,) * n, high=(1.0,) * n),
            object_size=TARGET_SIZE,
            labels_are="objects",
        )

    @classmethod
    def of(cls, described: Mapping[str, Any], graph: bytes, path: str) -> ForeignModel:
        """Read the description of a package and its graph.

        Raises
        ------
        UserError
            If onnxruntime is missing, the network takes other than one image of planes, or is given it in a way that is
            not known.
        """
        try:
            import onnxruntime
        except ImportError:
            raise UserError(MISSING) from None
        if len(described["inputs"]) != 1 or len(described["outputs"]) != 1:
            raise UserError(f"{path} takes or gives more than one image, which can't be used.")
        given, got = described["inputs"][0], described["outputs"][0]
        axes = [_axis_name(axis) for axis in given["axes"]]
        if axes != ["batch", "channel", "y", "x"] or [_axis_name(axis) for axis in got["axes"]] != axes:
            raise UserError(
                f"{path} takes an image with the axes {', '.join(axes)}; batch, channel, y, x are read."
            )
        before, after = (tuple(given.get("preprocessing") or ()), tuple(got.get("postprocessing") or ()))
        unknown = [str(step["id"]) for step in before if step["id"] not in _BEFORE]
        unknown += [str(step["id"]) for step in after if step["id"] not in _AFTER]
        if unknown:
            raise UserError(
                f"{path} prepares images in a way that is not known here ({', '.join(unknown)[:80]})."
            )
        least, step = _size(given["axes"][2])
        try:
            session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has no class of its own for graphs that are none
            raise UserError(f"{path} holds an ONNX graph that can't be read; it is damaged.") from error
        names = tuple(str(name).lower() for name in got["axes"][1].get("channel_names") or ())
        n_channels = len(given["axes"][1].get("channel_names") or ("one",))
        word = hashlib.sha256(graph).hexdigest()[:24]
        name, pixel_size_um = str(described.get("name", path)), _pixel_size(given["axes"][2])
        return cls(name, n_channels, least, step, word, before, after, names, session, pixel_size_um)

    def segment(
        self,
        image: NDArray[Any],
        *,
        pixel_size_um: float | None = None,
        on_progress: OnProgress = no_progress,
        should_stop: ShouldStop = never_stop,
    ) -> Segmented:
        """Segment one plane (C, Y, X), at the scale of the network where both say how large a pixel is.

        Raises
        ------
        UserError
            When the image has another number of channels.
        Stopped
            When asked to stop; asked before every tile.
        """
        if image.shape[0] != self.n_channels:
            raise UserError(
                f"“{self.name}” takes {self.n_channels} channel(s) and this image has {image.shape[0]}; choose another."
            )
        scale = pixel_size_um / self.pixel_size_um if pixel_size_um and self.pixel_size_um else 1.0
        scale = float(np.clip(scale, SMALLEST_SCALE, 2.0))
        small = resample_image(image.astype(np.float32), scale)
        for step in self.preprocessing:
            small = _BEFORE[step["id"]](small, step.get("kwargs") or {})
        inside = self._foreground(small, on_progress, should_stop)
        foreground = resample_probability(inside[None], (image.shape[1], image.shape[2]))[0]
        settings = SeparationSettings()
        labels = separate(foreground, settings, None, scale, None)
        sentences = () if labels.any() else (why_empty(foreground, settings),)
        return Segmented(labels, np.stack([1 - foreground, foreground]), None, scale, sentences)

    def _foreground(
        self, image: NDArray[np.float32], on_progress: OnProgress, should_stop: ShouldStop
    ) -> NDArray[np.float32]:
        """Return the probability of being inside an object (Y, X), tile by tile."""
        height, width = image.shape[1:]
        inner = LARGEST_TILE - 2 * OVERLAP
        corners = [(y, x) for y in range(0, height, inner) for x in range(0, width, inner)]
        found = np.zeros((height, width), np.float32)
        for k, (y, x) in enumerate(corners):
            if should_stop():
                raise Stopped
            on_progress(k / len(corners), f"tile {k + 1} of {len(corners)}")
            y0, x0 = max(0, y - OVERLAP), max(0, x - OVERLAP)
            part = image[:, y0 : y + inner + OVERLAP, x0 : x + inner + OVERLAP]
            result = self._run(part)
            y1, x1 = min(height, y + inner), min(width, x + inner)
            found[y:y1, x:x1] = result[y - y0 : y1 - y0, x - x0 : x1 - x0]
        return found

    def _run(self, part: NDArray[np.float32]) -> NDArray[np.float32]:
        below, right = (self._valid(side) - side for side in part.shape[1:])
        mirrored = np.pad(part, ((0, 0), (0, below), (0, right)), mode="symmetric")
        name = self.session.get_inputs()[0].name
        try:
            output = self.session.run(None, {name: mirrored[None]})[0]
        except Exception as error:  # as above
            raise UserError(
                f"“{self.name}” can't be run on this image ({str(error).splitlines()[0][:120]})."
            ) from error
        if output.ndim != 4 or output.shape[2:] != mirrored.shape[1:]:
            raise UserError(f"The output of “{self.name}” is not as large as its input, which can't be used.")
        values = output[0].astype(np.float32)
        for step in self.postprocessing:
            values = _AFTER[step["id"]](values, step.get("kwargs") or {})
        inside: NDArray[np.float32] = self._inside(values)[: part.shape[1], : part.shape[2]]
        return inside

    def _valid(self, side: int) -> int:
        if side <= self.least:
            return self.least
        if self.step <= 0:
            raise UserError(f"“{self.name}” takes tiles of {self.least} px only, which can't be used.")
        return self.least + -(-(side - self.least) // self.step) * self.step

    def _inside(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what is inside of objects, from channels that are named, or known by their number."""
        names = self.channel_names
        if values.shape[0] == 1:
            inside = values[0]
        elif names and names[0].startswith("background"):
            inside = 1 - values[0]
        elif (len(names) >= 2 and any(word in names[1] for word in _BORDERS)) or values.shape[0] == 2:
            inside = values[0] * (1 - values[1])
        else:
            raise UserError(
                f"“{self.name}” does not say which of its {values.shape[0]} outputs is the background."
            )
        clipped: NDArray[np.float32] = np.clip(np.nan_to_num(inside), 0, 1)
        return clipped


def _axis_name(axis: Mapping[str, Any]) -> str:
    return str(axis.get("id") or axis["type"])


def _size(axis: Mapping[str, Any]) -> tuple[int, int]:
    size = axis["size"]
    return (int(size), 0) if isinstance(size, int) else (int(size["min"]), int(size["step"]))


def _pixel_size(axis: Mapping[str, Any]) -> float | None:
    if axis.get("unit") not in ("micrometer", "nanometer"):
        return None
    size = float(axis.get("scale", 0.0)) * (1e-3 if axis["unit"] == "nanometer" else 1.0)
    return size if np.isfinite(size) and size > 0 else None


def _over(values: NDArray[np.float32], kwargs: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the axes over which a statistic is taken: of one channel, or of all."""
    names = kwargs.get("axes")
    return (0, 1, 2) if names is None or "channel" in names else (1, 2)


def _zero_mean(values: NDArray[np.float32], kwargs: Mapping[str, Any]) -> NDArray[np.float32]:
    over = _over(values, kwargs)
    mean, std = values.mean(axis=over, keepdims=True), values.std(axis=over, keepdims=True)
    result: NDArray[np.float32] = (values - mean) / (std + float(kwargs.get("eps", 1e-6)))
    return result


def _fixed_mean(values: NDArray[np.float32], kwargs: Mapping[str, Any]) -> NDArray[np.float32]:
    return ((values - _per_channel(kwargs["mean"])) / _per_channel(kwargs["std"])).astype(np.float32)


def _scale_range(values: NDArray[np.float32], kwargs: Mapping[str, Any]) -> NDArray[np.float32]:
    over = _over(values, kwargs)
    percentiles = [float(kwargs.get("min_percentile", 0)), float(kwargs.get("max_percentile", 100))]
    low, high = np.percentile(values, percentiles, axis=over, keepdims=True)
    scaled: NDArray[np.float32] = ((values - low) / (high - low + float(kwargs.get("eps", 1e-6)))).astype(
        np.float32
    )
    return scaled


def _scale_linear(values: NDArray[np.float32], kwargs: Mapping[str, Any]) -> NDArray[np.float32]:
    gain, offset = _per_channel(kwargs.get("gain", 1.0)), _per_channel(kwargs.get("offset", 0.0))
    return (values * gain + offset).astype(np.float32)


def _clip(values: NDArray[np.float32], kwargs: Mapping[str, Any]) -> NDArray[np.float32]:
    low, high = kwargs.get("min"), kwargs.get("max")
    result: NDArray[np.float32] = np.clip(
        values, -np.inf if low is None else low, np.inf if high is None else high
    )
    return result


def _same(values: NDArray[np.float32], kwargs: Mapping[str, Any]) -> NDArray[np.float32]:
    return values


def _sigmoid(values: NDArray[np.float32], kwargs: Mapping[str, Any]) -> NDArray[np.float32]:
    return (1 / (1 + np.exp(-np.clip(values, -60, 60)))).astype(np.float32)


def _softmax(values: NDArray[np.float32], kwargs: Mapping[str, Any]) -> NDArray[np.float32]:
    raised: NDArray[np.float32] = np.exp(values - values.max(axis=0, keepdims=True))
    result: NDArray[np.float32] = raised / raised.sum(axis=0, keepdims=True)
    return result


def _per_channel(values: Any) -> NDArray[np.float64]:
    return np.asarray(values, np.float64).reshape(-1, 1, 1)


_BEFORE = {
    "zero_mean_unit_variance": _zero_mean, "fixed_zero_mean_unit_variance": _fixed_mean, "scale_range": _scale_range,
    "scale_linear": _scale_linear, "clip": _clip, "ensure_dtype": _same,
}  # fmt: skip
_AFTER = {
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "scale_linear": _scale_linear,
    "clip": _clip,
    "ensure_dtype": _same,
}
