"""One network that has learned its discs, for all tests that only look at what it does."""

import pytest
import torch
from painted_discs import annotate

from napari_unet.workflow import TrainedModel, train_model
from quick import QUICK


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def learned() -> TrainedModel:
    """Trained on discs of 20 px, whose pixels are 0.5 µm wide."""
    discs = annotate()
    sized = type(discs)(discs.name, discs.image, discs.labels, pixel_size_um=0.5)
    longer = {"steps": 80, "batch_size": 4, "learning_rate": 0.01, "early_stop": False}
    return train_model([sized], QUICK.model_copy(update=longer), name="learned")
