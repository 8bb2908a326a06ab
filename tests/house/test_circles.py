"""No file needs, while it is imported, another one that needs it: each can be read after those below it."""

import ast
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imported(node: ast.AST, package: list[str], modules: Collection[str]) -> Iterator[str]:
    """Modules that are needed as soon as a file is read: neither inside functions nor for types alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or is_for_types(child):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = package[: len(package) - child.level + 1] if child.level else []
            name = ".".join([*base, *([child.module] if child.module else [])])
            for alias in child.names:  # a file of a package does not need all of the package
                yield f"{name}.{alias.name}" if f"{name}.{alias.name}" in modules else name
        else:
            yield from imported(child, package, modules)


def circle(sources: dict[str, str], packages: set[str]) -> list[str]:
    """Return modules each of which imports the next one and the last the first; nothing if there are none."""
    graph = {}
    for module, source in sources.items():
        package = module.split(".") if module in packages else module.split(".")[:-1]
        graph[module] = set(imported(ast.parse(source), package, sources)) & sources.keys() - {module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_there_are_no_circles():
    files = sorted((SOURCE / "napari_unet").rglob("*.py"))
    sources = {module_of(path): path.read_text(encoding="utf-8") for path in files}
    assert len(sources) > 100
    found = circle(sources, {module_of(path) for path in files if path.stem == "__init__"})
    assert not found, " imports ".join(found)


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        ("import p.a", True),
        ("from p import a", True),
        ("from . import a", True),
        ("from .a import x", True),
        ("class C:\n    from p.a import x", True),
        ("try:\n    from p.a import x\nexcept ImportError:\n    pass", True),
        ("if TYPE_CHECKING:\n    from p.a import x", False),
        ("def f():\n    from p.a import x", False),
        ("from p import other", False),
    ],
)
def test_the_test_itself_sees_circles(line, is_one):
    found = circle({"p": "", "p.a": "from p.b import y", "p.b": line}, {"p"})
    assert bool(found) is is_one
