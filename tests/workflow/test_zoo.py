"""Packages of the model zoo, and ONNX: what others make of ours, and what we read of theirs."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from harm import Harm
from napari_unet.errors import UserError
from napari_unet.network.model_file import Model, digest_of
from napari_unet.network.prediction import predict
from napari_unet.network.scaling import Normalisation, normalise
from napari_unet.network.unet import UNet, UNetConfig, initialise
from napari_unet.synthetic.cells import touching_cells
from napari_unet.workflow.segmentation import segment_image
from napari_unet.workflow.zoo.about import About
from napari_unet.workflow.zoo.foreign import ForeignModel
from napari_unet.workflow.zoo.onnx_file import write_onnx
from napari_unet.workflow.zoo.package import as_shipped, sample_of, write_package
from napari_unet.workflow.zoo.reading import load_network, read_package
from tiny_models import a_model

onnxruntime = pytest.importorskip("onnxruntime")
ABOUT = About("Cells (a test)", ("A. Person",), "CC-BY-4.0", "Finds cells.", (("A paper.", "10.1000/xyz"),))
KINDS = {
    "as the laptop's": {"classes": 2, "distance": True, "normalisation": "batch"},
    "classes and colours": {"classes": 4, "normalisation": "batch", "in_channels": 3},
    "unpadded": {"classes": 2, "normalisation": "none", "padded": False},
}


def model_of(kind, mode="per image"):
    config = UNetConfig(**{"in_channels": 1, "width": 4, "depth": 2, **KINDS[kind]})
    network = UNet(config)
    initialise(network, seed=3)
    for module in network.modules():  # statistics as after a training
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
    n = config.in_channels
    normalisation = Normalisation(mode=mode, low=tuple(range(n)), high=tuple(200.0 + k for k in range(n)))
    update = {"network": config, "normalisation": normalisation, "object_size": 28.0}
    return Model(a_model().description.model_copy(update=update), network.eval())


@pytest.fixture(scope="module")
def image():
    return touching_cells((160, 200), diameter=28, seed=2)[0]


def pixels(image, model):
    return np.stack([np.roll(image, 3 * k, axis=0) for k in range(model.description.network.in_channels)])


@pytest.fixture
def spec(monkeypatch):
    """Repair bioimageio.spec 0.5.12, to which bioimageio.core 0.11 is pinned, as 0.5.14 does, for pydantic 2.14."""
    pytest.importorskip("bioimageio.core")
    import bioimageio.spec
    from bioimageio.spec._internal import io_packaging
    from bioimageio.spec.model import v0_4

    monkeypatch.setattr(io_packaging.package_file_descr_serializer, "__code__", _serialised.__code__)
    monkeypatch.setattr(v0_4.package_weights, "__code__", _weights.__code__)
    return bioimageio.spec


def _weights(value, handler, info):
    return handler(value)  # was: handler(value, info); no kind of weights is preferred here


def _serialised(value, handler, info):
    described = handler(value)  # was: handler(value, info)
    described["source"] = _package(value.source, info, sha256=value.sha256)  # noqa: F821 (where it will stand)
    return described


@pytest.mark.parametrize("kind", KINDS)
def test_onnx_agrees_with_the_network(tmp_path, image, kind):
    model = model_of(kind)
    write_onnx(model, tmp_path / "a.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx", providers=["CPUExecutionProvider"])
    grey = normalise(pixels(image, model), model.description.normalisation)
    side = model.description.network.input_size(60)
    for shape in ((side, side), (side + 4, side + 16)):
        part = np.ascontiguousarray(grey[None, :, : shape[0], : shape[1]])
        (found,) = session.run(None, {"image": part})
        with torch.no_grad():
            expected = as_shipped(model)(torch.from_numpy(part)).numpy()
        assert np.abs(found - expected).max() < 1e-4
    assert np.abs(found[:, : model.description.network.classes].sum(axis=1) - 1).max() < 1e-5


@pytest.mark.parametrize("kind", ["as the laptop's", "classes and colours"])
def test_what_is_shipped_is_what_we_predict(image, kind):
    model = model_of(kind)
    grey = normalise(pixels(image, model), model.description.normalisation)
    with torch.no_grad():
        shipped = as_shipped(model)(torch.from_numpy(grey)[None, :, :, :]).numpy()[0]
    ours = predict(model.network, grey, device="cpu", precision="float32")
    inner = (slice(None), slice(24, -24), slice(24, -24))  # ours sees the mirrored image beyond the edge
    assert np.abs(shipped[inner] - ours[inner]).max() < 1e-4


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("as the laptop's", "per image"),
        *(
            pytest.param(kind, mode, marks=pytest.mark.slow)  # the zoo's test runs the network 14 times
            for kind in KINDS
            for mode in ("per image", "as in training")
            if (kind, mode) != ("as the laptop's", "per image")
        ),
    ],
)
def test_the_zoos_own_test_is_green(tmp_path, image, spec, kind, mode):
    from bioimageio.core import test_model as test_by_the_zoo

    model = model_of(kind, mode)
    write_package(model, ABOUT, pixels(image, model), tmp_path / "a.zip", 0.5)
    summary = test_by_the_zoo(tmp_path / "a.zip", devices=["cpu"])
    assert summary.status == "passed", summary.format()
    names = " ".join(detail.name for detail in summary.details)
    assert "Reproduce test outputs from test inputs (onnx)" in names
    assert "Reproduce test outputs from test inputs (pytorch_state_dict)" in names


@pytest.mark.parametrize("kind", KINDS)
def test_our_own_package_comes_back_as_the_same_network(tmp_path, image, kind):
    model = model_of(kind)
    write_package(model, ABOUT, pixels(image, model), tmp_path / "a.zip")
    back = load_network(tmp_path / "a.zip")
    assert back.description == model.description
    assert digest_of(back) == digest_of(model)


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ({"license": ""}, "licence"), ({"authors": ()}, "who made"), ({"description": " "}, "finds"),
        ({"name": "a/b"}, "name"),
    ],
)  # fmt: skip
def test_what_only_the_user_can_say_is_asked_for(tmp_path, image, about, said):
    from dataclasses import replace

    with pytest.raises(UserError, match=said):
        write_package(model_of("unpadded"), replace(ABOUT, **about), image[None], tmp_path / "a.zip")
    assert not list(tmp_path.iterdir())


def test_images_that_are_no_sample_are_refused(tmp_path, image):
    with pytest.raises(UserError, match="too small"):
        write_package(model_of("unpadded"), ABOUT, image[None, :20, :20], tmp_path / "a.zip")
    with pytest.raises(UserError, match="channel"):
        sample_of(model_of("classes and colours"), image[None], None)


# ---- packages of others ------------------------------------------------------------------------------------------


def their_graph():
    """A network of another program: what is bright is inside, edges are borders; two outputs before the sigmoid."""
    from onnx import TensorProto, helper, numpy_helper

    weight = np.zeros((2, 1, 3, 3), np.float32)
    weight[0, 0, 1, 1], weight[1] = 8.0, 0.0
    nodes = [helper.make_node("Conv", ["raw", "w", "b"], ["out"], pads=[1, 1, 1, 1])]
    bias = numpy_helper.from_array(np.array([-2.0, -20.0], np.float32), "b")
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", n, "y", "x"])
        for name, n in (("raw", 1), ("out", 2))
    ]
    graph = helper.make_graph(
        nodes, "theirs", ends[:1], ends[1:], [numpy_helper.from_array(weight, "w"), bias]
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8
    ).SerializeToString()


def write_theirs(spec, folder: Path) -> Path:
    """Write a package in the layout of published models, with the zoo's own tools."""
    from bioimageio.spec.common import FileDescr
    from bioimageio.spec.model import v0_5

    (folder / "weights.onnx").write_bytes(their_graph())
    (folder / "doc.md").write_text("# Theirs\n\n## Validation\n\nNone.\n")
    raw = np.random.default_rng(0).random((1, 1, 64, 64)).astype(np.float32)
    for name, array in (("in", raw), ("out", np.repeat(raw, 2, axis=1))):
        np.save(folder / f"{name}.npy", array)
    size = v0_5.ParameterizedSize(min=32, step=16)

    def axes(space, channels):
        channel = v0_5.ChannelAxis(channel_names=channels)
        return [v0_5.BatchAxis(), channel, *(space(v0_5.AxisId(axis)) for axis in "yx")]

    given = v0_5.InputTensorDescr(
        id="raw",
        axes=axes(lambda axis: v0_5.SpaceInputAxis(id=axis, size=size), ["grey"]),
        test_tensor=FileDescr(source=folder / "in.npy"),
        preprocessing=[
            v0_5.EnsureDtypeDescr(kwargs=v0_5.EnsureDtypeKwargs(dtype="float32")),
            v0_5.ZeroMeanUnitVarianceDescr(
                kwargs=v0_5.ZeroMeanUnitVarianceKwargs(axes=["channel", "y", "x"])
            ),
        ],
    )
    reference = {
        "y": v0_5.SizeReference(tensor_id="raw", axis_id="y"),
        "x": v0_5.SizeReference(tensor_id="raw", axis_id="x"),
    }
    got = v0_5.OutputTensorDescr(
        id="out",
        axes=axes(
            lambda axis: v0_5.SpaceOutputAxis(id=axis, size=reference[axis]), ["foreground", "boundary"]
        ),
        test_tensor=FileDescr(source=folder / "out.npy"),
        postprocessing=[v0_5.SigmoidDescr()],
    )
    weights = v0_5.WeightsDescr(onnx=v0_5.OnnxWeightsDescr(source=folder / "weights.onnx", opset_version=15))
    described = v0_5.ModelDescr(
        name="Their network", description="Another one.", authors=[v0_5.Author(name="B. Person")], license="MIT",
        cite=[v0_5.CiteEntry(text="Theirs", doi="10.1000/xyz")], documentation=FileDescr(source=folder / "doc.md"),
        inputs=[given], outputs=[got], weights=weights,
    )  # fmt: skip
    return Path(spec.save_bioimageio_package(described, output_path=folder / "theirs.zip"))


def test_a_network_of_another_program_segments(tmp_path, spec):
    package = read_package(write_theirs(spec, tmp_path))
    assert isinstance(package, ForeignModel)
    image = np.full((1, 700, 90), 20, np.uint8)  # two tiles
    image[0, 30:60, 20:50] = image[0, 440:470, 20:50] = 220
    found = package.segment(image)
    assert np.array_equal(found.labels > 0, image[0] > 100)
    assert len(np.unique(found.labels)) == 3
    assert found.probabilities.shape == (2, 700, 90)
    with pytest.raises(UserError, match="takes 1 channel"):
        package.segment(np.repeat(image, 3, axis=0))
    with pytest.raises(UserError, match="can't be trained"):
        load_network(tmp_path / "theirs.zip")


def test_a_state_dict_without_our_description_is_read_by_its_shapes(tmp_path):
    model = model_of("as the laptop's")
    weights = io.BytesIO()
    torch.save(model.network.state_dict(), weights)
    path = zipped(
        tmp_path / "a.zip", {"pytorch_state_dict": {"source": "w.pt"}}, {"w.pt": weights.getvalue()}
    )
    back = read_package(path)
    assert digest_of(back) == digest_of(model)
    assert segment_image(back, np.zeros((1, 64, 64), np.uint8), device="cpu").labels.shape == (64, 64)


def test_safetensors_are_read(tmp_path):
    from safetensors.torch import save

    model = model_of("unpadded")
    content = save(dict(model.network.state_dict()))
    weights = {
        "pytorch_state_dict": {"source": "w.safetensors", "sha256": hashlib.sha256(content).hexdigest()}
    }
    back = read_package(zipped(tmp_path / "a.zip", weights, {"w.safetensors": content}))
    assert digest_of(back) == digest_of(model)


# ---- hostile ones --------------------------------------------------------------------------------------------------


def zipped(path, weights, files, **described):
    """Write a package by hand."""
    content = {"format_version": "0.5.3", "type": "model", "name": "made", "weights": weights, **described}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rdf.yaml", yaml.safe_dump(content))
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def pickled(what):
    file = io.BytesIO()
    torch.save(what, file)
    return file.getvalue()


def hostile(folder):
    state = {"source": "w.pt"}
    onnx = {"source": "w.onnx"}
    return {
        "a pickle that acts": ({"pytorch_state_dict": state}, {"w.pt": pickled(Harm(folder / "harm"))}),
        "more than tensors": ({"pytorch_state_dict": state}, {"w.pt": pickled({"model": {"a": 1}})}),
        "another network": ({"pytorch_state_dict": state}, {"w.pt": pickled({"a": torch.zeros(3)})}),
        "torchscript only": ({"torchscript": state}, {"w.pt": b"PK"}),
        "a path outside": ({"onnx": {"source": "../../etc/passwd"}}, {}),
        "an absolute path": ({"pytorch_state_dict": {"source": "/etc/passwd"}}, {}),
        "an address": ({"onnx": {"source": "https://example.org/w.onnx"}}, {}),
        "not there": ({"onnx": onnx}, {}),
        "another file": ({"onnx": {**onnx, "sha256": "0" * 64}}, {"w.onnx": b"x"}),
        "external data": ({"onnx": {**onnx, "external_data": {"source": "/etc/passwd"}}}, {"w.onnx": b"x"}),
        "nonsense": ({"onnx": {"source": ["a"]}}, {"w.onnx": b"x"}),
        "a bomb": ({"pytorch_state_dict": state}, {"w.pt": bytes(2**24)}),
    }


@pytest.mark.parametrize("what", hostile(Path()))
def test_hostile_packages_are_refused_in_one_sentence(tmp_path, what):
    path = zipped(tmp_path / "a.zip", *hostile(tmp_path)[what])
    with pytest.raises(UserError) as refused:
        read_package(path)
    assert "\n" not in str(refused.value)
    assert [p.name for p in tmp_path.iterdir()] == ["a.zip"], "something was unpacked or run"


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_package_is_refused(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UserError):
        read_package(tmp_path / "a.zip")


def test_a_yaml_that_makes_objects_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("rdf.yaml", f"weights: !!python/object/apply:os.mkdir ['{tmp_path / 'harm'}']")
    with pytest.raises(UserError):
        read_package(tmp_path / "a.zip")
    assert not (tmp_path / "harm").exists()
