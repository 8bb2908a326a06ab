"""Compare two segmentations with the truth: without a network, and one with the mistakes of a bad day.

python examples/evaluate.py
"""

import numpy as np

import napari_unet as unet
from napari_unet.objects.em_measures import foreground_restricted_rand
from napari_unet.objects.measures import average_precision, foreground_iou, merges_and_splits, seg_score
from napari_unet.objects.propose import propose

image, truth = unet.touching_cells((384, 384), diameter=28, seed=2)

classical = propose(image.astype(np.float32))  # a threshold and a watershed

clumsy = truth.copy()  # two cells merged, one lost, one invented
first, second, lost = np.unique(truth)[1:4]
clumsy[truth == second] = first
clumsy[truth == lost] = 0
clumsy[2:12, 2:12] = truth.max() + 1

for name, labels in (("classical", classical), ("clumsy", clumsy)):
    found = unet.match(labels, truth, 0.5)  # a pair matches from an overlap (IoU) of 0.5 on
    print(f"{name}: {found.tp} found, {found.fn} missed, {found.fp} too many")
    print(f"  precision {found.precision:.2f}, recall {found.recall:.2f}, F1 {found.f1:.2f}")
    print(f"  average precision over IoU 0.5–0.95: {average_precision(labels, truth).mean():.2f}")
    print(f"  SEG of the Cell Tracking Challenge: {seg_score(labels, truth):.2f}")
    print(f"  foreground IoU: {foreground_iou(labels > 0, truth > 0):.2f}")
    print(f"  merges and splits: {merges_and_splits(labels, truth)}")
    print(f"  Rand, inside the cells: {foreground_restricted_rand(labels, truth):.2f}")
