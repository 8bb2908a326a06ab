import subprocess
import sys

import pytest
import torch

import napari_unet
from napari_unet.support import doctor


def test_doctor_shows_what_a_report_begins_with(shell, monkeypatch):
    monkeypatch.setattr(doctor, "PRODUCT", 128)
    monkeypatch.setattr(doctor, "measure_speed", lambda: 12.0)
    monkeypatch.setattr(doctor, "try_opengl", lambda: "4.5 on a card")
    shown = shell.run("doctor").stdout
    for expected in (napari_unet.__version__, torch.__version__, "12 GFLOP/s", "4.5 on a card", "processor"):
        assert expected in shown


def test_an_nvidia_card_with_a_torch_that_can_not_use_it_is_named(tmp_path, monkeypatch):
    card = tmp_path / "gpus" / "0000"
    card.mkdir(parents=True)
    (card / "information").write_text("Model: \t\t NVIDIA RTX 4000\nIRQ: 5\n")
    assert doctor.nvidia_card(tmp_path) == "NVIDIA RTX 4000"
    monkeypatch.setattr(doctor, "nvidia_card", lambda: "NVIDIA RTX 4000")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "NVIDIA RTX 4000" in doctor.find_device()
    assert "CPU-only" in doctor.find_device()


def test_the_card_is_found_through_nvidia_smi(tmp_path, monkeypatch):
    listed = "GPU 0: NVIDIA T4 (UUID: GPU-1)\n"
    monkeypatch.setattr(
        subprocess, "run", lambda *a, **k: subprocess.CompletedProcess(a, 0, stdout=listed, stderr="")
    )
    assert doctor.nvidia_card(tmp_path) == "NVIDIA T4"


def test_no_card_is_no_card(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.nvidia_card(tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="displays are named by the environment on Linux only")
def test_no_display_is_said(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert "no display" in doctor.try_opengl()


def test_opengl_that_fails_or_hangs_is_told(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(doctor, "OPENGL_TRIAL", "raise SystemExit('no OpenGL context')")
    assert doctor.try_opengl().endswith("no OpenGL context")
    monkeypatch.setattr(doctor, "OPENGL_TRIAL", "import time; time.sleep(30)")
    assert "no answer" in doctor.try_opengl(timeout_s=0.5)


def test_speed_is_that_of_a_product():
    assert 0.1 < doctor.measure_speed(size=256, repeats=2) < 1e5
