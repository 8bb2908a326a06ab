"""Images with exact truth: microscopy of every kind for training, samples and tests."""

from napari_unet.synthetic.scene import Contrast, Scene, draw_scene
from napari_unet.synthetic.series import SeriesScene, draw_series
from napari_unet.synthetic.stacks import StackScene, draw_stack

__all__ = ["Contrast", "Scene", "SeriesScene", "StackScene", "draw_scene", "draw_series", "draw_stack"]
