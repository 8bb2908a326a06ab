"""The U-Net and its life: patches, training, model files, prediction."""

import os

# OpenMP's threads spin while they wait for one another. Beside another busy process that turns a step of training
# from tenths of a second into seconds; sleeping costs next to nothing. It is read when torch is loaded, so it is
# said here, before any module of this room loads it; who has chosen otherwise is left alone.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
