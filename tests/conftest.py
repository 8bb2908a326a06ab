"""No test writes into the data folder of whoever runs it, and none leaves a project's thread behind."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from napari_unet import log
from napari_unet.project import recovery

_PATIENCE = 10.0


def pytest_collection_finish() -> None:
    """Leave what all tests share out of every later collection of garbage: there is much of it, and it stays."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_recovery_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    where: list[Path] = []

    def elsewhere() -> Path:
        if not where:
            where.append(tmp_path_factory.mktemp("data") / "napari-unet" / "recovery")
        return where[0]

    monkeypatch.setattr(recovery, "recovery_folder", elsewhere)


@pytest.fixture(autouse=True)
def _own_log_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the log of this process, and of those that it starts, away from the user's."""
    where = tmp_path_factory.getbasetemp() / "logs"
    monkeypatch.setattr(log, "log_folder", lambda: where)
    monkeypatch.setenv("XDG_STATE_HOME", str(where))


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """Fail a test that leaves a thread of a project running."""
    before = set(_ours())
    yield
    until = time.monotonic() + _PATIENCE
    while set(_ours()) - before and time.monotonic() < until:
        time.sleep(0.01)
    assert not set(_ours()) - before, "a project was not closed"


def _ours() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("project ")]
