"""A few annotated objects, chosen from exact truth as a person would."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_unet.annotation.coding import BACKGROUND, FIRST

RING = 6  # px of background around the annotated cells


def annotate_some(truth: NDArray[np.int32]) -> NDArray[np.int32]:
    """Annotate a few whole clusters, so that every annotated cell is enclosed: large, small, single."""
    clusters, n_clusters = ndimage.label(truth > 0, np.ones((3, 3)))
    pairs = np.unique(np.stack([clusters[truth > 0], truth[truth > 0]], axis=1), axis=0)
    n_cells = np.bincount(pairs[:, 0], minlength=n_clusters + 1)
    edge = np.concatenate([clusters[0], clusters[-1], clusters[:, 0], clusters[:, -1]])
    whole = np.setdiff1d(np.arange(1, n_clusters + 1), edge)
    chosen: list[int] = []
    for fewest, most, wanted in ((4, 8, 1), (2, 3, 1), (1, 1, 2)):
        fitting = whole[(n_cells[whole] >= fewest) & (n_cells[whole] <= most)]
        chosen.extend(int(cluster) for cluster in fitting[:wanted])
    some = np.isin(clusters, chosen)
    annotation = np.zeros(truth.shape, np.int32)
    annotation[(ndimage.distance_transform_edt(~some) <= RING) & (truth == 0)] = BACKGROUND
    annotation[some] = np.unique(truth[some], return_inverse=True)[1].astype(np.int32) + FIRST
    return annotation
