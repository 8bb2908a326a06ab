"""The benchmark of other programs: what they are given, when their environment is made, what the table says."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import peers

    return peers


def test_cells_of_a_binary_mask_are_objects_and_numbers_have_no_gaps(peers: ModuleType) -> None:
    mask = np.array([[255, 0, 255], [255, 0, 0], [0, 255, 0]], np.uint8)  # two touch at a corner only
    assert peers.as_objects(mask, "binary").tolist() == [[1, 0, 2], [1, 0, 0], [0, 3, 0]]
    assert peers.as_objects(np.array([[0, 7], [9, 7]]), "masks").tolist() == [[0, 1], [2, 1]]


def test_an_environment_is_made_once_and_again_when_its_packages_change(
    peers: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[list[str]] = []

    def record(command: list[object], check: bool) -> None:
        calls.append([str(part) for part in command])
        (tmp_path / "env").mkdir(exist_ok=True)

    monkeypatch.setattr(subprocess, "run", record)
    old, new = peers.Peer("x.py", ("a==1",)), peers.Peer("x.py", ("a==2",))
    for peer, expected in ((old, 2), (old, 2), (new, 4)):
        peers.make_environment(peer, tmp_path / "env", "python3")
        assert len(calls) == expected
    assert calls[0][:4] == ["python3", "-m", "venv", "--clear"]
    assert calls[3][-1] == "a==2"


def test_an_environment_whose_installation_failed_is_made_again(
    peers: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(command: list[object], check: bool) -> None:
        (tmp_path / "env").mkdir(exist_ok=True)
        if "install" in command:
            raise subprocess.CalledProcessError(1, "pip")

    monkeypatch.setattr(subprocess, "run", fail)
    for _ in range(2):
        with pytest.raises(subprocess.CalledProcessError):
            peers.make_environment(peers.Peer("x.py", ("a==1",)), tmp_path / "env", "python3")


def test_a_peer_keeps_to_its_cores_and_its_packages(
    peers: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("OMP_NUM_THREADS", "16")
    environ = peers.peer_environ(2)
    assert "PYTHONPATH" not in environ
    assert (environ["OMP_NUM_THREADS"], environ["TF_NUM_INTRAOP_THREADS"]) == ("2", "2")


def test_classes_are_left_out_with_a_line(
    peers: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["peers.py", "--sets", "axon_sem"])
    peers.main()
    assert capsys.readouterr().out.startswith("axon_sem: skipped, its labels are classes")


def test_the_table_compares_full_runs_of_the_same_time(peers: ModuleType) -> None:
    described = {"machine": "m", "versions": "v", "commit": "c"}

    def row(value: float, limit: str = "", **others: str) -> dict[str, str]:
        return {"set": "dsb2018-colour", "ap50": str(value), "f1": "", "limit": limit, **others, **described}

    runs = [
        row(0.4, peer="stardist", seconds="240.0"),
        row(0.6, peer="stardist", seconds="240.0"),
        row(0.9, peer="stardist", seconds="60.0"),
        row(0.9, peer="stardist", seconds="240.0", limit="2"),
    ]
    unet = [
        row(0.7, start="scratch", seconds="240.0", n_crops="4"),
        row(0.1, start="scratch", seconds="240.0", n_crops="1"),
        row(0.8, start="bundled", seconds="60", n_crops="4"),
    ]
    report = peers.write_report(runs, unet, [row(0.3, method="forest")], 240.0)
    assert "| dsb2018-colour | ap50 | 0.300 | 0.500 ± 0.141 | – | 0.700 | 0.800 |" in report
    assert "| f1 |" not in report
    assert peers.write_report([], [], [], 240.0) == "Nothing has been run yet."
