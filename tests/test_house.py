"""The floors of the house: who may import from whom, and what importing costs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "napari_unet"
FLOORS = {
    "errors": 0,
    "callbacks": 0,
    "log": 0,
    "annotation": 1,
    "objects": 1,
    "synthetic": 1,
    "network": 2,
    "formats": 3,
    "samples": 3,
    "project": 4,
    "workflow": 4,
    "session": 5,
    "support": 5,
    "cli": 6,
    "_qt": 6,
}
WINDOW = {"napari", "qtpy", "PyQt6", "PySide6", "pyqtgraph", "superqt", "magicgui", "vispy"}
NETWORK = {"torch", "safetensors"}
WITHOUT_TORCH = {"errors", "callbacks", "log", "annotation", "objects", "synthetic", "formats", "samples"}
FILES = sorted(SOURCE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_modules(tree: ast.AST, package: tuple[str, ...]) -> Iterator[str]:
    """Absolute names of all that a file imports, inside functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            if module == "napari_unet" or node.module is None:
                yield from (f"{module}.{alias.name}" for alias in node.names)


def violations(room: str, modules: Iterator[str]) -> list[str]:
    found = []
    for module in modules:
        top, _, rest = module.partition(".")
        other = rest.partition(".")[0]
        if top == "napari_unet" and other in FLOORS and other != room:
            lazily = (room, other) == ("cli", "_qt")
            if FLOORS[other] >= FLOORS[room] and not lazily:
                found.append(f"{room} (floor {FLOORS[room]}) imports {module} (floor {FLOORS[other]})")
        if top in WINDOW and room != "_qt":
            found.append(f"{room} imports {module}; only _qt may")
        if top in NETWORK and room in WITHOUT_TORCH:
            found.append(f"{room} imports {module}; it works without PyTorch")
    return found


def test_every_room_has_a_floor():
    rooms = {room_of(path) for path in FILES} - {"__init__", "__main__"}
    assert rooms <= set(FLOORS), f"name a floor for {rooms - set(FLOORS)}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path):
    if path == SOURCE / "__init__.py":
        pytest.skip("the scripting API names every floor, and loads none: see below")
    package = ("napari_unet", *path.relative_to(SOURCE).parts[:-1])
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert violations(room_of(path), imported_modules(tree, package)) == []


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("annotation", "from napari_unet.objects.separate import separate"),
        ("annotation", "def f():\n    import torch.nn"),
        ("network", "from napari_unet import formats"),
        ("network", "from ..workflow import train_model"),
        ("session", "import napari"),
        ("project", "from napari_unet.workflow import train_model"),
        ("workflow", "from qtpy.QtCore import Qt"),
        ("_qt", "from napari_unet.cli.train import train"),
    ],
)
def test_the_test_itself_sees_what_goes_up(room, line):
    modules = imported_modules(ast.parse(line), ("napari_unet", room))
    assert len(violations(room, modules)) == 1


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join({{name.partition('.')[0] for name in sys.modules}}))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    return set(run.stdout.split())


def test_importing_the_package_loads_next_to_nothing():
    assert not loaded_by("import napari_unet") & (
        WINDOW | NETWORK | {"numpy", "scipy", "skimage", "tifffile"}
    )


LIGHT = """
import napari_unet.cli
import napari_unet.samples, napari_unet.synthetic.cells
import napari_unet.formats.images, napari_unet.formats.tables
import napari_unet.annotation.targets, napari_unet.annotation.weight_map
import napari_unet.objects.separate
import napari_unet as u; u.touching_cells, u.to_annotation, u.read_image, u.weight_map
"""


def test_neither_torch_nor_window_are_loaded_where_none_is_needed():
    assert not loaded_by("; ".join(LIGHT.split("\n")[1:-1])) & (WINDOW | NETWORK)


def test_session_and_workflow_know_no_window():
    assert (
        not loaded_by("import napari_unet.workflow.training, napari_unet.session, napari_unet.project")
        & WINDOW
    )


def test_everything_in_the_scripting_api_is_there():
    import napari_unet

    for name in napari_unet.__all__:
        assert getattr(napari_unet, name) is not None
    assert set(napari_unet.__all__) <= set(dir(napari_unet))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = napari_unet.nonsense
