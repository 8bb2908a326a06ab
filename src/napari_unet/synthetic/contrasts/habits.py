"""Ways of growing that several contrasts share."""

from __future__ import annotations

import numpy as np

from napari_unet.synthetic.shapes import Kind
from napari_unet.synthetic.tissue import Habit


def culture(rng: np.random.Generator, size: float) -> Habit:
    """Adherent or suspended cells in a dish, from a few to confluent, of one to three kinds of shapes."""
    kinds = list(Kind)
    weights = np.array([3.0, 2.5, 1.5, 1.0, 2.0, 1.5, 0.2])
    chosen = rng.choice(len(kinds), size=int(rng.integers(1, 4)), replace=False, p=weights / weights.sum())
    confluent = rng.random() < 0.3
    return Habit(
        size=size,
        size_spread=float(rng.uniform(0.05, 0.45)),
        kinds={kinds[i]: float(rng.uniform(0.2, 1)) for i in chosen},
        coverage=float(rng.uniform(0.6, 1.1) if confluent else rng.uniform(0.05, 0.6)),
        clustering=float(rng.choice([0.0, 0.3, 0.6, 0.95])),
        closest=float(rng.uniform(0.62, 0.8) if confluent else rng.uniform(0.72, 1.15)),
        stacked=bool(rng.random() < 0.25),
        irregular=float(rng.uniform(0.1, 1)),
        warp=float(rng.uniform(0, 0.09)),
        rough=float(rng.choice([0.0, 0.08, 0.25])),
        aligned=float(rng.uniform(0.6, 1) if rng.random() < 0.3 else 0),
    )


def sheet(rng: np.random.Generator, size: float) -> Habit:
    """Epithelium or another layer without gaps."""
    return Habit(
        size=size,
        size_spread=float(rng.uniform(0.02, 0.22)),
        kinds={Kind.ROUND: 1.0},
        sheet=True,
        disorder=float(rng.uniform(0.08, 0.32)),
        irregular=float(rng.uniform(0, 0.6)),
        warp=float(rng.uniform(0.01, 0.08)),
        aligned=float(rng.uniform(0.5, 1) if rng.random() < 0.4 else 0),
    )
