"""What this machine is like: what a report of a problem should begin with."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import napari_unet
from napari_unet.callbacks import OnProgress, no_progress

PACKAGES = ("napari", "numpy", "scipy", "scikit-image", "tifffile", "zarr", "imagecodecs")
BINDINGS = ("PyQt6", "PySide6", "PyQt5", "PySide2")
# In a process of its own: without a display Qt ends the process instead of raising an error.
OPENGL_TRIAL = """
from qtpy.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext
app = QGuiApplication([])
surface, context = QOffscreenSurface(), QOpenGLContext()
surface.create()
if not context.create() or not context.makeCurrent(surface):
    raise SystemExit("no OpenGL context")
from OpenGL.GL import GL_RENDERER, GL_VERSION, glGetString
print(glGetString(GL_VERSION).decode(), "on", glGetString(GL_RENDERER).decode())
"""
PRODUCT = 2048  # rows and columns of the matrices whose product is timed


def examine(on_progress: OnProgress = no_progress) -> list[tuple[str, str]]:
    """Return versions, device, window system and speed, each with its name; takes seconds."""
    import torch

    found = [
        ("napari-unet", napari_unet.__version__),
        ("Python", f"{platform.python_version()} on {platform.platform()}"),
        # It says for which CUDA it was built; the package's description does not.
        ("torch", torch.__version__),
        *((package, installed_version(package) or "not installed") for package in PACKAGES),
        ("Qt binding", find_binding()),
    ]
    on_progress(0.1, "OpenGL")
    found.append(("OpenGL", try_opengl()))
    on_progress(0.7, "Device and speed")
    found.append(("device", find_device()))
    found.append(("speed", f"{measure_speed():.0f} GFLOP/s (product of two {PRODUCT} × {PRODUCT} matrices)"))
    return found


def installed_version(package: str) -> str | None:
    """Return the version of an installed package without importing it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def find_binding() -> str:
    """Name the Qt bindings that are installed, or what to install."""
    found = [f"{name} {version}" for name in BINDINGS if (version := installed_version(name))]
    return ", ".join(found) or 'none; the window needs one: pip install "napari-unet[all]"'


def try_opengl(timeout_s: float = 30.0) -> str:
    """Make an OpenGL context in another process, and tell its version or why there is none."""
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "no display here, so the window can't open (xvfb-run makes one)"
    try:
        trial = subprocess.run(
            [sys.executable, "-c", OPENGL_TRIAL],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {timeout_s:.0f} s; the window may not open"
    if trial.returncode == 0:
        return trial.stdout.strip()
    said = (trial.stderr.strip().splitlines() or [f"exit code {trial.returncode}"])[-1]
    return f"none, so the window can't open here: {said}"


def find_device() -> str:
    """Tell what would train, and name an NVIDIA card that this PyTorch can't use."""
    import torch

    from napari_unet.network.device import describe_device

    described = describe_device()
    card = nvidia_card()
    if card and not torch.cuda.is_available():
        build = "this PyTorch is a CPU-only build" if torch.version.cuda is None else "CUDA does not start"
        return (
            f"{described}. An NVIDIA card is here ({card}) but {build}: "
            "install PyTorch for CUDA from https://pytorch.org/get-started"
        )
    return described


def nvidia_card(driver: Path = Path("/proc/driver/nvidia")) -> str | None:
    """Name the NVIDIA card as the driver sees it, whether PyTorch can use it or not."""
    for information in sorted(driver.glob("gpus/*/information")):
        for line in information.read_text(errors="replace").splitlines():
            if line.startswith("Model:"):
                return line.removeprefix("Model:").strip()
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    names = [line for line in listed.stdout.splitlines() if line.startswith("GPU ")]
    return names[0].partition(": ")[2].partition(" (UUID")[0] if listed.returncode == 0 and names else None


def measure_speed(size: int = PRODUCT, repeats: int = 3) -> float:
    """Return the best of a few products of two matrices, on the processor, in GFLOP/s."""
    import torch

    a, b = torch.rand(size, size), torch.rand(size, size)
    best = float("inf")
    for _ in range(repeats):
        begin = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - begin)
    return 2 * size**3 / best / 1e9
