"""A network as ONNX: the graph is written node by node, so that it says just what the network computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from napari_unet.errors import UserError
from napari_unet.formats.atomic import replace_whole
from napari_unet.network.architecture import UNetConfig
from napari_unet.network.model_file import Model
from napari_unet.network.prediction import fold
from napari_unet.network.unet import DoubleConvolution

OPSET = 17
MISSING = "ONNX needs one more package: pip install 'napari-unet[onnx]'."


def write_onnx(model: Model, path: Path | str) -> None:
    """Write a network as ONNX: ``image`` (b, C, y, x) float32, normalised, in; ``probabilities`` out.

    Parameters
    ----------
    model : Model
        Of planes.
    path : Path or str
        ``.onnx``; an older file is replaced.

    Raises
    ------
    UserError
        If the package onnx is missing, the network is one of volumes, or the file can't be written.
    """
    content = as_onnx(model).SerializeToString()
    with replace_whole(path) as temporary:
        temporary.write_bytes(content)


def as_onnx(model: Model) -> Any:
    """Return a network as an ``onnx.ModelProto``; raises as `write_onnx`."""
    try:
        from onnx import TensorProto, checker, helper
    except ImportError:
        raise UserError(MISSING) from None
    config = model.description.network
    check_planar(config)
    graph = _Graph(config)
    graph.build(fold(model.network))
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", channels, y, x])
        for name, channels, y, x in (
            ("image", config.in_channels, "y", "x"),
            ("probabilities", config.out_channels, "y_out", "x_out"),
        )
    ]
    made = helper.make_model(
        helper.make_graph(graph.nodes, "U-Net", ends[:1], ends[1:], graph.weights),
        producer_name="napari-unet",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=9,
    )
    checker.check_model(made)
    return made


def check_planar(config: UNetConfig) -> None:
    """Raise `UserError` for networks of volumes."""
    if config.dimensions != 2:
        raise UserError("Networks of volumes can't be written in this format yet; save them as a model file.")


class _Graph:
    """Nodes and weights, in the order in which the network computes."""

    def __init__(self, config: UNetConfig) -> None:
        self.config = config
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def build(self, network: Any) -> None:
        """Follow `UNet.forward`, the normalisation folded into the convolutions."""
        x, skips = "image", []
        for level in network.contract:
            x = self._double(level, x)
            skips.append(x)
            x = self._node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
        x = self._double(network.bottom, x)
        lost = self._lost_below()
        for up, level, skip, cut in zip(network.up, network.expand, reversed(skips), lost, strict=True):
            x = self._node("ConvTranspose", [x, *self._tensors(up)], kernel_shape=[2, 2], strides=[2, 2])
            x = self._double(level, self._node("Concat", [self._cropped(skip, cut), x], axis=1))
        logits = self._node("Conv", [x, *self._tensors(network.classify)], kernel_shape=[1, 1])
        if not self.config.distance:
            self._node("Softmax", [logits], "probabilities", axis=1)
            return
        parts = self._integers([self.config.classes, 1])
        self._node("Split", [logits, parts], ["of classes", "of depth"], axis=1)
        classes = self._node("Softmax", ["of classes"], axis=1)
        depth = self._node("Sigmoid", ["of depth"])
        self._node("Concat", [classes, depth], "probabilities", axis=1)

    def _lost_below(self) -> list[int]:
        """Return how much of a skip is cut on each side, from the lowest level up: 0 for padded networks."""
        if self.config.padded:
            return [0] * self.config.depth
        cuts, lost = [], 4  # px that two convolutions take, at the bottom's scale
        for _ in range(self.config.depth):
            cuts.append(lost)  # twice as many px above, half of them on each side
            lost = 4 + 2 * lost + 4
        return cuts

    def _double(self, block: DoubleConvolution, x: str) -> str:
        for convolution in (block.conv1, block.conv2):
            pads = [int(self.config.padded)] * 4
            x = self._node("Conv", [x, *self._tensors(convolution)], kernel_shape=[3, 3], pads=pads)
            x = self._node("Relu", [x])
        return x

    def _cropped(self, x: str, cut: int) -> str:
        if not cut:
            return x
        ends = [self._integers([k, k]) for k in (cut, -cut)]
        return self._node("Slice", [x, *ends, self._integers([2, 3])])

    def _tensors(self, module: nn.Module) -> list[str]:
        weight, bias = module.weight, module.bias
        assert isinstance(weight, Tensor)
        assert isinstance(bias, Tensor)
        return [self._weight(weight), self._weight(bias)]

    def _weight(self, tensor: Tensor) -> str:
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(tensor.detach().cpu().contiguous().numpy().copy(), name))
        return name

    def _integers(self, values: list[int]) -> str:
        import numpy as np
        from onnx import numpy_helper

        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def _node(self, kind: str, inputs: list[str], output: str | list[str] = "", **attributes: Any) -> str:
        from onnx import helper

        outputs = output if isinstance(output, list) else [output or f"x{len(self.nodes)}"]
        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs[0]
