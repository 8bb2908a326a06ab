"""What tools/setup and tools/screen say on a machine that lacks something."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEW_ENOUGH = 'case "$2" in *ensurepip*) exit ${VENV:-0};; *) exit 0;; esac'
TOO_OLD = 'case "$2" in *version_info*) exit 1;; *) echo 3.10.4;; esac'

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="tools/ are for bash")


class Machine:
    """A machine that has only the given programs; `fake` adds one as a line of shell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("bash", "env", "dirname", "grep", "cat", "sha256sum", "uname", "mktemp", "rm"):
            found = shutil.which(name)
            if found:
                (folder / name).symlink_to(found)

    def fake(self, name: str, line: str) -> None:
        program = self.folder / name
        program.write_text(f"#!/usr/bin/env bash\n{line}\n")
        program.chmod(0o755)

    def run(self, tool: str, *arguments: str, **environment: str) -> tuple[int, str]:
        """Exit code and what was said."""
        done = subprocess.run(
            [self.folder / "bash", ROOT / "tools" / tool, *arguments],
            env={"PATH": str(self.folder), "HOME": os.environ.get("HOME", "/"), **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_setup_without_python_says_so(machine: Machine) -> None:
    code, said = machine.run("setup")
    assert code == 1
    assert "python3 was not found: install Python 3.11 or newer" in said


def test_setup_with_an_old_python_names_its_version(machine: Machine) -> None:
    machine.fake("python3", TOO_OLD)
    code, said = machine.run("setup")
    assert code == 1
    assert "needs Python 3.11 or newer, but python3 is 3.10.4" in said


def test_setup_takes_a_newer_python_that_has_another_name(machine: Machine) -> None:
    machine.fake("python3", TOO_OLD)
    machine.fake("python3.12", NEW_ENOUGH)
    code, said = machine.run("setup", VENV="1")
    assert code == 1
    assert "python3.12 cannot make virtual environments" in said


def test_setup_without_the_venv_module_says_which_package(machine: Machine) -> None:
    machine.fake("python3", NEW_ENOUGH)
    code, said = machine.run("setup", VENV="1")
    assert code == 1
    assert "the package python3-venv" in said


def test_setup_of_who_is_not_root_prints_the_line_to_run(machine: Machine) -> None:
    machine.fake("python3", NEW_ENOUGH)
    machine.fake("apt-get", "echo apt-get must not run; exit 3")
    machine.fake("dpkg-query", '[ "${@: -1}" = libegl1 ] && echo "install ok installed"')
    machine.fake("id", "echo 1000")
    code, said = machine.run("setup", VENV="1")
    assert code == 1
    (line,) = [line for line in said.splitlines() if "sudo" in line]
    assert "sudo apt-get install -y --no-install-recommends python3-venv xvfb xauth libgl1 " in line
    assert "libegl1" not in line
    assert "must not run" not in said


def test_setup_asks_for_no_virtual_screen_where_there_is_a_display(machine: Machine) -> None:
    machine.fake("python3", NEW_ENOUGH)
    machine.fake("apt-get", "exit 3")
    machine.fake("dpkg-query", "exit 1")
    machine.fake("id", "echo 1000")
    _, said = machine.run("setup", DISPLAY=":0")
    assert "libegl1" in said
    assert "xvfb" not in said


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has a display without either")
def test_screen_without_any_says_what_to_install(machine: Machine) -> None:
    code, said = machine.run("screen", "echo", "ran")
    assert code == 1
    assert "apt-get install -y xvfb xauth" in said
    assert "ran" not in said.split()


def test_screen_uses_the_display_where_there_is_no_virtual_one(machine: Machine) -> None:
    machine.fake("show", "echo ran on $DISPLAY with $1")
    assert machine.run("screen", "show", "it", DISPLAY=":7") == (0, "ran on :7 with it\n")


def test_what_windows_keep_on_the_screen_is_gone_afterwards(machine: Machine) -> None:
    machine.fake("show", "echo kept > $XDG_DATA_HOME/kept && echo $XDG_DATA_HOME")
    code, said = machine.run("screen", "show", DISPLAY=":7")
    assert code == 0
    assert not Path(said.strip()).exists()
    machine.fake("show", "exit 3")
    assert machine.run("screen", "show", DISPLAY=":7")[0] == 3


def test_screen_prefers_the_virtual_one(machine: Machine) -> None:
    machine.fake("xvfb-run", 'echo virtual "$QT_QPA_PLATFORM" "${@: -1}"')
    assert machine.run("screen", "show", DISPLAY=":7") == (0, "virtual xcb show\n")
