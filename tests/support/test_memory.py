"""Free memory goes back to the system."""

import sys

import numpy as np
import psutil
import pytest

from napari_unet.support import memory


@pytest.mark.skipif(
    memory._trim() is None, reason="only glibc keeps what is free and can be told to give it back"
)
def test_what_is_free_goes_back_although_something_lies_above_it():
    blocks = [np.ones(12_000) for _ in range(1500)]  # each too small for a mapping of its own
    above = np.ones(12_000)
    del blocks
    before = psutil.Process().memory_info().rss
    memory.give_back()
    assert before - psutil.Process().memory_info().rss > 100e6
    assert above.all()


def test_elsewhere_nothing_happens(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    memory._trim.cache_clear()
    memory.give_back()
    assert memory._trim() is None
    memory._trim.cache_clear()
