"""Measures of objects through planes, and who came from whom."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import regionprops_table

from napari_unet.objects.lineage import read_tracks
from napari_unet.objects.linking import link_planes
from napari_unet.objects.volumes import measure_volumes
from napari_unet.synthetic import Contrast, draw_series

stacks = arrays(np.int32, (4, 6, 7), elements=st.sampled_from([0, 0, 1, 2, 3, 90_000]))


@settings(max_examples=40, deadline=None)
@given(labels=stacks, seed=st.integers(0, 100))
def test_measures_are_those_of_scikit_image(labels: np.ndarray, seed: int) -> None:
    grey = np.random.default_rng(seed).integers(0, 4000, labels.shape).astype(np.uint16)
    found = measure_volumes(labels, lambda z: grey[None, z], (2.0, 0.5, 0.25))
    if not labels.any():
        assert found["label"].size == 0
        return
    names = (
        "label",
        "area",
        "centroid",
        "intensity_mean",
        "intensity_max",
        "intensity_min",
        "intensity_std",
        "bbox",
    )
    expected = regionprops_table(labels, grey, properties=names)
    assert found["label"].tolist() == expected["label"].tolist()
    assert found["volume"].tolist() == expected["area"].tolist()
    for axis, name in enumerate("zyx"):
        np.testing.assert_allclose(found[f"centroid-{name}"], expected[f"centroid-{axis}"])
    for name in ("mean", "max", "min", "std"):
        np.testing.assert_allclose(found[f"intensity_{name}-0"], expected[f"intensity_{name}"], atol=1e-6)
    np.testing.assert_allclose(found["volume_um3"], expected["area"] * 0.25)
    np.testing.assert_allclose(found["centroid-z_um"], expected["centroid-0"] * 2)
    assert found["first_plane"].tolist() == expected["bbox-0"].tolist()
    assert (found["last_plane"] + 1).tolist() == expected["bbox-3"].tolist()
    box = [expected[f"bbox-{k}"] for k in range(6)]
    edge = (box[1] == 0) | (box[2] == 0) | (box[4] == 6) | (box[5] == 7)
    assert found["cut_by_edge"].tolist() == edge.tolist()


def test_values_that_are_no_numbers_are_left_out() -> None:
    labels = np.ones((2, 2, 2), np.int32)
    labels[1] = 2
    grey = np.full((2, 1, 2, 2), 5.0)
    grey[0, 0, 0, 0], grey[1] = np.nan, np.inf
    found = measure_volumes(labels, lambda z: grey[z])
    assert found["intensity_mean-0"][0] == 5
    assert np.isnan(found["intensity_mean-0"][1])
    assert "volume_um3" not in found


def test_tracks_are_read_from_labels_as_they_were_linked() -> None:
    film = draw_series(np.random.default_rng(0), 8, (96, 96), Contrast.NUCLEI, 16, frames_per_life=6)
    linked = link_planes(film.labels.__getitem__, (8,), time=0)
    labels = np.stack([linked.apply((t,), film.labels[t]) for t in range(8)])
    assert (linked.tracks[:, 3] > 0).any()
    assert read_tracks(labels.__getitem__, (8,), 0).tolist() == linked.tracks.tolist()


def test_nothing_has_no_tracks() -> None:
    assert read_tracks(np.zeros((3, 4, 4), np.int32).__getitem__, (3,), 0).shape == (0, 4)
