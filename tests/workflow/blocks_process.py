"""Segments the crowd block by block, and says when a block is done; killed by its test."""

import sys
from pathlib import Path

import torch
from block_scenes import crowd, in_blocks

from killing import say
from napari_unet.network.model_file import load_model
from napari_unet.workflow.blocks import plan

if __name__ == "__main__":
    plan.LARGEST_BLOCK = plan.CHUNK
    torch.set_num_threads(1)
    image, say_so = crowd(), lambda box: say(block=box)
    in_blocks(load_model(sys.argv[1]), image, Path(sys.argv[2]), memory=float(sys.argv[3]), on_block=say_so)
