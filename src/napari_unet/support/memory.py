"""Memory that is free goes back to the system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache


def give_back() -> None:
    """Give free memory back, where the C library (glibc, Linux) would keep it; takes milliseconds, in any thread.

    glibc has a heap for each of many threads, as large as the largest work that was ever done there: a window in which
    one trains again and again seems to grow by the hour, though all of it is free.
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # musl has none
            found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
            return found
    return None
