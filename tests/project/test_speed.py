"""How long things take; slow, as a machine that is busy with other tests says nothing about it."""

import time
from statistics import median

import numpy as np
import pytest
from painted import Box, a_project, an_image, paint

from napari_unet.project import Project

pytestmark = pytest.mark.slow
LARGE = (8192, 8192)


def test_strokes_on_a_large_annotation(tmp_path, record_property):
    project, entry = a_project(tmp_path / "project", shape=LARGE)
    random = np.random.default_rng(0)
    entry.replace_array("annotation", random.integers(0, 300, LARGE, np.int32) // 100, owned=True)
    assert project.flush(300)
    recorded, saved, checkpoints = [], [], []
    for number in range(30):
        offset = tuple(int(o) for o in random.integers(0, 7680, 2))
        begun = time.perf_counter()
        paint(entry, Box(offset, (512, 512), number))
        recorded.append(time.perf_counter() - begun)
        assert project.flush()
        saved.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    project.close()
    checkpoints.append(time.perf_counter() - begun)
    begun = time.perf_counter()
    with Project.open(tmp_path / "project") as again:
        again.image(entry.id).open()
        opened = time.perf_counter() - begun
    print(
        f"\nrecord {1e3 * median(recorded):.2f} ms, saved after {1e3 * median(saved):.1f} ms "
        f"(longest {1e3 * max(saved):.0f} ms), 30 strokes into chunks {checkpoints[0]:.2f} s, open {opened:.2f} s"
    )
    assert median(recorded) < 0.005
    assert median(saved) < 0.1


def test_a_project_of_200_images_opens_at_once(tmp_path):
    with Project.create(tmp_path / "project") as project:
        for number in range(200):
            entry = project.add_image(an_image((1024, 1024), f"image {number}"))
            entry.replace_array("annotation")
            paint(entry, Box((100, 100), (300, 300), 2))
        assert project.flush(300)
    begun = time.perf_counter()
    with Project.open(tmp_path / "project") as project:
        project.image(project.images[0].id).open()
        took = time.perf_counter() - begun
    print(f"\n200 images: first one open after {took:.3f} s")
    assert took < 3
