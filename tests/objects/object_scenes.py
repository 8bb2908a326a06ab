"""Label images with exact truth for the tests of this folder."""

import numpy as np
import numpy.typing as npt

from napari_unet.annotation.gaps import cut_gaps

Labels = npt.NDArray[np.int32]


def draw_discs(
    shape: tuple[int, int], centres: list[tuple[float, float]], radius: float, first: int = 1
) -> Labels:
    """Discs of one size; where two overlap the nearer centre wins, so that they touch along a line."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    distances = np.array([np.hypot(y - cy, x - cx) for cy, cx in centres])
    nearest = distances.argmin(axis=0)
    return np.where(distances.min(axis=0) <= radius, nearest + first, 0).astype(np.int32)


def pack_cells(side: int, radius: float, seed: int = 0, filled: float = 0.7) -> Labels:
    """Cells in clusters: discs on a shaken grid, some places empty, cut where they meet."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((side, side), np.int32)
    best = np.full((side, side), np.inf)
    grid = np.arange(radius, side, 1.9 * radius)
    for cy, cx in np.stack(np.meshgrid(grid, grid, indexing="ij"), -1).reshape(-1, 2):
        if rng.random() > filled:
            continue
        cy, cx = np.array([cy, cx]) + rng.uniform(-0.15, 0.15, 2) * radius
        y0, x0 = max(0, int(cy - radius - 1)), max(0, int(cx - radius - 1))
        part = np.s_[y0 : int(cy + radius + 2), x0 : int(cx + radius + 2)]
        y, x = np.mgrid[part[0].start : min(part[0].stop, side), part[1].start : min(part[1].stop, side)]
        distance = np.hypot(y - cy, x - cx)
        mine = (distance <= radius) & (distance < best[part])
        labels[part][mine] = labels.max() + 1
        best[part][mine] = distance[mine]
    return labels


def cut_contacts(labels: Labels) -> Labels:
    """Cut the gap of the training target: 1 px on each side of a contact."""
    return cut_gaps(np.where(labels > 0, labels + 1, 1).astype(np.int32)) - 1


def write_values(text: str) -> Labels:
    """Labels from rows of digits, a dot for 0."""
    rows = [list(row.strip().replace(".", "0")) for row in text.strip().splitlines()]
    return np.array(rows, dtype="U1").astype(np.int32)
