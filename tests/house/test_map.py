"""Every folder of the package says what lives in it, and is on the map that who contributes reads."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "napari_unet"
FOLDERS = [path.parent for path in sorted(SOURCE.rglob("__init__.py")) if path.parent != SOURCE]


def test_every_folder_says_what_lives_there():
    silent = [
        folder.name
        for folder in FOLDERS
        if not ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8")))
    ]
    assert silent == []


def test_the_map_shows_the_house_as_it_is():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    house = text[text.index("## The floors of the house") : text.index("## How we write")]
    rows = [line for line in house.splitlines() if line.startswith("|")]
    assert {folder.name for folder in FOLDERS} == set(re.findall(r"`(\w+)/`", "\n".join(rows)))
    files = re.findall(r"`([\w/]+\.py)`", house)
    assert len(files) > 10
    assert [name for name in files if not list(SOURCE.rglob(name))] == []
