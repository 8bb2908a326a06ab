"""The other way to learn from few crops: a random forest on filtered pixels, as ilastik does it.

It gets what the network gets: the same crops, the same target with its gap between touching objects, the
same separation into objects with threshold, method and smallest size fitted. A forest knows the pixels
that it was trained on by heart, so they are fitted on crops as a forest reads them that was trained on
the other three.
"""

import time
from dataclasses import dataclass

import numpy as np
from skimage.feature import multiscale_basic_features
from sklearn.ensemble import RandomForestClassifier

from few_crops_data import DataSet, Sample
from napari_unet.annotation.coding import Coding, LabelsAre, to_annotation
from napari_unet.annotation.targets import Target, make_target, object_sizes
from napari_unet.objects.fit import Example, fit_separation
from napari_unet.objects.separate import SeparationSettings, separate

N_TREES = 100
N_PIXELS = 50_000  # at most; more than an ilastik user paints


@dataclass(frozen=True)
class Forest:
    """A trained forest and how objects are made of its probabilities (`separation` is None for classes)."""

    classifier: RandomForestClassifier
    separation: SeparationSettings | None
    typical_size: float | None
    seconds: float


def compute_features(image: np.ndarray) -> np.ndarray:
    """Intensity, edges and texture at sigma 1 to 16 px: (Y, X) or (Y, X, 3) uint8 -> (Y, X, F) float32."""
    channel_axis = -1 if image.ndim == 3 else None
    return multiscale_basic_features(image, sigma_min=1, sigma_max=16, channel_axis=channel_axis)


def fit_forest(
    features: list[np.ndarray], targets: list[Target], rng: np.random.Generator, jobs: int
) -> RandomForestClassifier:
    """Train on pixels drawn at random from all that are annotated."""
    pixels = np.concatenate([f[t.known] for f, t in zip(features, targets, strict=True)])
    classes = np.concatenate([t.classes[t.known] for t in targets])
    chosen = rng.permutation(len(pixels))[:N_PIXELS]
    classifier = RandomForestClassifier(N_TREES, n_jobs=jobs, random_state=int(rng.integers(2**31)))
    return classifier.fit(pixels[chosen], classes[chosen])


def predict_forest(classifier: RandomForestClassifier, features: np.ndarray) -> np.ndarray:
    """Probabilities (K, Y, X) float32 of background and every class."""
    flat = classifier.predict_proba(features.reshape(-1, features.shape[-1]))
    probabilities = np.zeros((max(classifier.classes_) + 1, *features.shape[:2]), np.float32)
    probabilities[classifier.classes_] = flat.T.reshape(-1, *features.shape[:2])
    return probabilities


def measure_size(targets: list[Target]) -> float:
    """The median diameter in px of complete objects, of those cut by the edge if there are no others."""
    for include_cut in (False, True):
        sizes = [object_sizes(t.objects, np.unique(t.objects[t.objects > 0]), include_cut) for t in targets]
        if np.concatenate(sizes).size:
            break
    return float(np.median(np.concatenate(sizes)))


def train_forest(data_set: DataSet, crops: list[Sample], seed: int, jobs: int) -> Forest:
    """Train on all crops; fit the separation on each crop as read by a forest trained on the others."""
    start = time.perf_counter()
    rng = np.random.default_rng(seed)
    labels_are = LabelsAre(data_set.labels_are)
    annotations = [to_annotation(crop.labels, Coding(data_set.coding), labels_are) for crop in crops]
    targets = [make_target(annotation, labels_are) for annotation in annotations]
    features = [compute_features(crop.image) for crop in crops]
    separation, typical_size = None, None
    if labels_are is LabelsAre.OBJECTS:
        typical_size = measure_size(targets)
        examples = []
        for i, target in enumerate(targets):
            others = [j for j in range(len(crops)) if j != i]
            classifier = fit_forest([features[j] for j in others], [targets[j] for j in others], rng, jobs)
            probability = 1 - predict_forest(classifier, features[i])[0]
            examples.append(Example(probability, None, target.objects, target.known))
        separation, _ = fit_separation(examples, scale=1.0, typical_size=typical_size)
    classifier = fit_forest(features, targets, rng, jobs)
    return Forest(classifier, separation, typical_size, time.perf_counter() - start)


def segment_with_forest(forest: Forest, image: np.ndarray) -> np.ndarray:
    """Labels (Y, X) int32 of one image: objects or classes, 0 background."""
    probabilities = predict_forest(forest.classifier, compute_features(image))
    if forest.separation is None:
        return probabilities.argmax(axis=0).astype(np.int32)
    return separate(1 - probabilities[0], forest.separation, typical_size=forest.typical_size)
