"""Label images for hypothesis."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def small_labels(values: list[int], largest: int = 24) -> st.SearchStrategy:
    """Draw int32 images of up to ``largest`` pixels a side, each pixel one of ``values``."""
    sides = st.integers(1, largest)
    return arrays(np.int32, st.tuples(sides, sides), elements=st.sampled_from(values))
