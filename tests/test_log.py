"""The log is written by a thread, shared by processes, kept short, and never in anybody's way."""

import errno
import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest

from napari_unet import log
from napari_unet.log import LOGGER, NAME, Log, log_files

logger = logging.getLogger(LOGGER)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "not there yet" / "logs"


@pytest.fixture
def running(folder):
    running = Log(folder)
    running.start()
    yield running
    running.stop()


def text_of(folder: Path) -> str:
    return "".join(path.read_text("utf-8") for path in log_files(folder))


def test_what_happens_is_written_with_the_traceback_of_a_bug(folder, running):
    logger.info("Segmented %d × %d px", 3, 4)
    try:
        raise KeyError("a bug")
    except KeyError:
        logger.info("it failed", exc_info=True)
    running.stop()
    text = text_of(folder)
    assert "INFO Segmented 3 × 4 px" in text
    assert "Traceback" in text
    assert "KeyError: 'a bug'" in text
    assert text.count("\n") > 4
    logger.info("nobody listens any more")
    assert text_of(folder) == text


def test_it_stays_short(folder, running, monkeypatch):
    monkeypatch.setattr(log, "MOST_BYTES", 20_000)
    for number in range(3000):
        logger.info("line %d of many", number)
        if number % 500 == 0:
            time.sleep(0.02)
    running.stop()
    assert [path.name for path in log_files(folder)] == [f"{NAME}.{k}" for k in (3, 2, 1)] + [NAME]
    assert all(path.stat().st_size <= 20_000 for path in log_files(folder))
    assert "line 2999 of many" in text_of(folder)


WRITES = """
import logging, sys
from pathlib import Path
from napari_unet import log
log.MOST_BYTES = 30_000
log.OLDER_FILES = 50
log.MOST_WAITING = 100_000
log.PATIENCE = 60
running = log.Log(Path(sys.argv[1]))
running.start()
for number in range(1000):
    logging.getLogger(log.LOGGER).info("%s %d %s", sys.argv[2], number, "." * 60)
running.stop()
"""


def test_processes_that_write_at_once_lose_no_line(folder, monkeypatch):
    monkeypatch.setattr(log, "OLDER_FILES", 50)
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITES, str(folder), name])
        for name in ("one", "two", "three")
    ]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    lines = [line.split("INFO ")[1].split()[:2] for line in text_of(folder).splitlines()]
    for name in ("one", "two", "three"):
        assert [int(number) for who, number in lines if who == name] == list(range(1000))
    assert len(log_files(folder)) > 5


def test_a_full_disk_loses_lines_and_nothing_else(folder, running, monkeypatch, capsys):
    logger.info("before")
    end = time.monotonic() + 10
    while "before" not in text_of(folder) and time.monotonic() < end:
        time.sleep(0.01)

    def full(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(log._SharedFile, "flush", full)
    for _ in range(10):
        logger.info("while it is full")
    time.sleep(0.1)
    monkeypatch.undo()
    logger.info("after")
    running.stop()
    assert "after" in text_of(folder)
    assert capsys.readouterr().err == ""


def test_a_folder_that_cannot_be_made_is_no_harm(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    running = Log(tmp_path / "file" / "logs")
    running.start()
    logger.info("lost")
    running.stop()
    assert capsys.readouterr().err == ""


def test_a_disk_that_hangs_holds_nobody_up(folder, monkeypatch):
    monkeypatch.setattr(log, "MOST_WAITING", 50)
    monkeypatch.setattr(log, "PATIENCE", 0.2)
    running = Log(folder)
    answers = []

    def hang(records) -> None:
        while not answers:
            time.sleep(0.01)

    monkeypatch.setattr(running._file, "write", hang)
    running.start()
    start = time.monotonic()
    for _ in range(1000):
        logger.info("line")
    assert time.monotonic() - start < 2
    running.stop()
    assert time.monotonic() - start < 4
    answers.append("at last")


def test_the_command_line_is_logged(shell_log):
    assert "Begins: shell. napari-unet" in shell_log
    assert "Command: weights nowhere" in shell_log
    assert "Refused: " in shell_log


SHELL = """
import sys
from pathlib import Path
from napari_unet import log
from napari_unet.cli import main
log.log_folder = lambda: Path({folder!r})
sys.argv = ["napari-unet", *{arguments!r}]
main()
"""


@pytest.fixture
def shell_log(tmp_path) -> str:
    arguments = ["weights", "nowhere", "-o", "w.tif", "--coding", "masks"]
    code = SHELL.format(folder=str(tmp_path), arguments=arguments)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    return text_of(tmp_path)
