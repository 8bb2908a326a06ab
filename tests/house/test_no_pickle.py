"""Nothing of ours reads a pickle: whoever sends a model, an image or a project could run a program by it."""

import ast
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from harm import Harm
from napari_unet.errors import UserError
from napari_unet.formats.images import read_image
from napari_unet.network.model_file import load_model
from napari_unet.session import Session

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for folder in ("src", "training", "tools", "examples") for path in (ROOT / folder).rglob("*.py")
)
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
READERS = {("torch", "load"), ("np", "load"), ("numpy", "load"), ("pd", "read_pickle"), ("torch", "jit")}


def readers_of_pickles(tree: ast.AST) -> list[str]:
    """Return what in a file could read a pickle; ``np.load`` and ``torch.load`` only where they may."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
            found += [name for name in names if name.partition(".")[0] in MODULES]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            refuses = any(k.arg == "allow_pickle" and _is_false(k.value) for k in node.keywords)
            refuses = refuses or any(k.arg == "weights_only" and _is_true(k.value) for k in node.keywords)
            if (owner, node.func.attr) in READERS and not refuses:
                found.append(f"{owner}.{node.func.attr}")
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and not _is_false(node.value):
            found.append("allow_pickle")
    return found


def _is_false(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _is_true(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def test_no_file_of_ours_could_read_one():
    found = {path: readers_of_pickles(ast.parse(path.read_text(encoding="utf-8"))) for path in FILES}
    assert len(found) > 100
    assert {path: what for path, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from joblib import load",
        "torch.load(p)",
        "torch.load(p, weights_only=False)",
        "np.load(p)",
        "np.load(p, allow_pickle=True)",
    ],
)
def test_the_test_itself_sees_them(line):
    assert readers_of_pickles(ast.parse(line))


@pytest.fixture
def pickles(tmp_path):
    """Return files that make a folder when they are unpickled, and check that nobody did."""
    harm = Harm(tmp_path / "harm")
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(harm))
    np.save(tmp_path / "a.npy", np.array([harm], object), allow_pickle=True)
    torch.save(harm, tmp_path / "a.pt")
    yield [tmp_path / name for name in ("a.pickle", "a.npy", "a.pt")]
    assert not (tmp_path / "harm").exists(), "a pickle was read"
    torch.load(tmp_path / "a.pt", weights_only=False)
    assert (tmp_path / "harm").exists(), "it would not have done anything"


@pytest.mark.parametrize("ending", [".safetensors", ".pt", ".tif", ".png", ".jpg", ".zarr", ".npy"])
def test_a_pickle_is_refused_under_every_name(pickles, ending):
    for source in pickles:
        path = Path(shutil.copy(source, source.with_name(f"{source.suffix[1:]}-copy{ending}")))
        for read in (load_model, read_image, Session().load_start_file):
            with pytest.raises(UserError):
                read(path)
