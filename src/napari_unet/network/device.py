"""Where the network computes: processor, NVIDIA card or Apple's graphics."""

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from napari_unet.errors import UserError

NAMES = ("auto", "cpu", "cuda", "mps")


def choose_device(name: str = "auto") -> torch.device:
    """Return the device of that name; ``auto`` takes CUDA before MPS before the CPU.

    Parameters
    ----------
    name : {"auto", "cpu", "cuda", "mps"}
        A card's number may follow: ``cuda:1``.

    Raises
    ------
    UserError
        If this machine has no such device, or this PyTorch cannot use it.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in NAMES[1:] or (number and not (kind == "cuda" and number.isdecimal())):
        raise UserError(f'"{name}" is no device: choose {", ".join(NAMES[:-1])} or {NAMES[-1]}.')
    if kind == "cuda":
        _check_cuda(int(number or 0))
    if kind == "mps" and not _has_mps():
        raise UserError('This machine has no Apple graphics that PyTorch can use: choose "auto" or "cpu".')
    return torch.device(name)


def describe_device() -> str:
    """Say in a few words what the device is that ``auto`` takes, and how it computes."""
    device = choose_device("auto")
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory / 2**30
        return f"{torch.cuda.get_device_name(device)} (CUDA, {memory:.0f} GiB)"
    if device.type == "mps":
        return f"Apple graphics (MPS), {platform.processor()}"
    cores, threads = os.cpu_count() or 1, torch.get_num_threads()
    described = f"processor with {cores} core{'s' * (cores > 1)}, {threads} thread{'s' * (threads > 1)} used"
    return f"{described}; {_UNUSED_CARD}" if has_unused_nvidia_card() else described


def is_bfloat16_faster(device: torch.device) -> bool:
    """Tell whether the device multiplies matrices of bfloat16 in hardware made for it."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    has_tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)  # not in every version of PyTorch
    return device.type == "cpu" and has_tiles is not None and bool(has_tiles())


_UNUSED_CARD = "an NVIDIA card is there, but this PyTorch is built without CUDA"


def has_unused_nvidia_card() -> bool:
    """Tell whether NVIDIA's driver is installed while this PyTorch was built without CUDA."""
    return torch.version.cuda is None and shutil.which("nvidia-smi") is not None


def _has_mps() -> bool:
    return torch.backends.mps.is_available()


def _check_cuda(number: int) -> None:
    if has_unused_nvidia_card():
        raise UserError(
            f'{_UNUSED_CARD[0].upper() + _UNUSED_CARD[1:]}: install a CUDA build of it, or choose "auto".'
        )
    if not torch.cuda.is_available():
        raise UserError('This machine has no NVIDIA card that PyTorch can use: choose "auto" or "cpu".')
    if number >= torch.cuda.device_count():
        raise UserError(
            f"There is no CUDA card number {number}: choose one from 0 to {torch.cuda.device_count() - 1}."
        )


@contextmanager
def computing_with(number: int | None) -> Iterator[None]:
    """Compute with so many threads, and afterwards with as many as before."""
    before = torch.get_num_threads()
    if number is not None:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
