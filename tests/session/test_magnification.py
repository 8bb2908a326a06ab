"""Images of another magnification follow in the session too."""

import numpy as np
import pytest
import torch

from napari_unet.annotation.coding import Coding, LabelsAre
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.session import ImageSource, Session

QUICK = TrainingSettings(
    minutes=None, steps=1, width=4, depth=2, patch_size=32, batch_size=2, threads=1, device="cpu"
)


@pytest.fixture
def session() -> Session:
    torch.set_num_threads(1)
    labels = np.ones((64, 64), np.int32)
    labels[10:30, 10:30], labels[10:30, 36:56], labels[36:56, 10:30] = 2, 3, 4
    session = Session()
    session.set_image(ImageSource("cells", 100 * labels, scale=(0.5, 0.5), units=("um", "um")))
    session.adopt_annotation(labels, Coding.PROJECT, LabelsAre.OBJECTS)
    task = session.prepare_training("scratch", QUICK)
    session.finish_training(task, task.run(lambda report: None, lambda: False))
    return session


def test_the_smallest_object_follows_the_pixel_size(session):
    scale, smallest = session.sizes.scale(), session.separating.settings.smallest
    image = np.zeros((128, 128))
    session.set_image(ImageSource("magnified", image, scale=(0.25, 0.25), units=("um", "um")))
    assert session.sizes.scale() == pytest.approx(scale / 2)
    assert session.separating.settings.smallest == pytest.approx(4 * smallest)


def test_the_smallest_object_follows_the_object_size_and_comes_back(session):
    size, smallest = session.object_size()[0], session.separating.settings.smallest
    session.separating.settings = session.separating.settings.model_copy(update={"threshold": 0.7})
    session.set_object_size(2 * size)
    assert session.separating.settings.smallest == pytest.approx(4 * smallest, rel=0.05)
    session.set_object_size(None)
    assert session.separating.settings.smallest == pytest.approx(smallest)
    assert session.separating.settings.threshold == 0.7
