"""Images with exact truth: microscopy of every kind for training, samples and tests."""

from napari_unet.synthetic.scene import Contrast, Scene, draw_scene

__all__ = ["Contrast", "Scene", "draw_scene"]
