"""The session's training on the workers of a scheduler, real processes on this computer."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

distributed = pytest.importorskip("distributed")

from napari_unet.annotation.coding import Coding, LabelsAre  # noqa: E402
from napari_unet.errors import UserError  # noqa: E402
from napari_unet.network.training_settings import TrainingSettings  # noqa: E402
from napari_unet.session import SCRATCH, ImageSource, Session  # noqa: E402
from napari_unet.workflow.annotated import AnnotatedImage, Stack  # noqa: E402
from napari_unet.workflow.cluster_training import at_hand  # noqa: E402

SETTINGS = TrainingSettings(
    minutes=None,
    steps=3,
    width=4,
    depth=2,
    patch_size=32,
    batch_size=2,
    threads=1,
    device="cpu",
    early_stop=False,
)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(tmp_path),
        host="127.0.0.1",
    ) as started:  # fmt: skip
        yield started


def painted(run_on: str) -> Session:
    """Return a session with discs that are all annotated."""
    y, x = np.mgrid[:96, :96] % 32 - 16
    inside = y**2 + x**2 < 100
    number = (np.mgrid[:96, :96] // 32 * np.array([3, 1])[:, None, None]).sum(axis=0) + 2
    session = Session()
    session.set_image(ImageSource("discs", np.where(inside, 200, 20).astype(np.uint8)))
    session.adopt_annotation(np.where(inside, number, 1), Coding.PROJECT, LabelsAre.OBJECTS)
    session.state.training_choices = session.state.training_choices.model_copy(update={"run_on": run_on})
    return session


@pytest.mark.slow
def test_a_round_comes_home_and_stop_keeps_the_best_so_far(cluster: Any) -> None:
    session, reports = painted(cluster.scheduler_address), list[Any]()
    task = session.prepare_training(SCRATCH, SETTINGS)
    done = session.finish_training(task, task.run(reports.append, lambda: False))
    assert session.current is done
    assert done.outcome.steps == 3
    assert reports
    reports.clear()
    endless = session.prepare_training(SCRATCH, SETTINGS.model_copy(update={"steps": 100_000}))
    trained = endless.run(reports.append, lambda: len(reports) > 2)
    assert trained.outcome.stopped
    assert 0 < trained.outcome.steps < 100_000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_worker_that_is_killed_is_told_and_the_round_comes_all_the_same(cluster: Any) -> None:
    session, reports, killed = painted(cluster.scheduler_address), list[Any](), list[int]()
    painted_before = session.annotation.copy()
    client = distributed.Client(cluster.scheduler_address, set_as_default=False)

    def report(news: Any) -> None:
        reports.append(news)
        if not killed:  # at the first report
            busy = [worker for worker, tasks in client.processing().items() if tasks]
            pids = client.run(os.getpid, workers=busy)
            killed.extend(pids.values())
            for pid in pids.values():
                os.kill(pid, signal.SIGKILL)

    task = session.prepare_training(SCRATCH, SETTINGS.model_copy(update={"steps": 60}))
    done = session.finish_training(task, task.run(report, lambda: False))
    client.close()
    assert killed
    assert done.outcome.steps == 60
    assert any("is gone" in news.message for news in reports if news.message)
    assert np.array_equal(session.annotation, painted_before)


def test_an_address_where_nobody_answers_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from napari_unet.workflow import cluster

    monkeypatch.setattr(cluster, "SECONDS_TO_CONNECT", 0.5)
    session = painted("tcp://127.0.0.1:9")
    task = session.prepare_training(SCRATCH, SETTINGS)
    with pytest.raises(UserError, match=r"No scheduler answers at tcp://127\.0\.0\.1:9"):
        task.run(lambda report: None, lambda: False)
    assert session.current is None


def test_other_computers_get_the_planes_of_a_stack_only_where_they_are_learned_from() -> None:
    pixels = np.arange(4 * 6 * 5).reshape(1, 4, 6, 5)
    read: list[tuple[int, int]] = []

    def reader(first: int, end: int) -> Any:
        read.append((first, end))
        return pixels[:, first:end]

    labels = np.ones((6, 5), np.int32)
    images = [AnnotatedImage(f"a {z}", pixels[:, z], labels, stack=Stack("a", z, 4, reader)) for z in (1, 2)]
    sent = at_hand(images, 2)
    assert not read
    assert [image.stack.number for image in sent] == [1, 2]
    sent = at_hand(images, 3)
    assert read == [(0, 4)]
    assert np.array_equal(sent[1].stack.read(1, 3), pixels[:, 1:3])
    assert sent[0].stack.read.args[0] is sent[1].stack.read.args[0]
