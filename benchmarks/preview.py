"""The live preview after ten strokes, beside a random forest with the same strokes, on four sets.

    python benchmarks/preview.py                       # test images, three seeds
    python benchmarks/preview.py --tune --limit 3      # images of the training folders: the ones to choose settings on

Strokes are simulated (`strokes.py`): five in objects and five between them, or one class after the other. Both methods
get the same pixels with the same target, and make objects with settings as they are before any training: those of the
bundled network, or of a network from scratch for the forest. Scores leave out what was painted. Every image's row goes
to benchmarks/out/preview.csv; a Markdown table is printed at the end.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from few_crops_data import DATA_SETS, DataSet, Sample, as_objects, cut, read_sample
from few_crops_forest import N_TREES, compute_features, predict_forest
from napari_unet.annotation.coding import LabelsAre
from napari_unet.annotation.targets import make_target
from napari_unet.network.bundled import bundled_for
from napari_unet.network.scaling import normalise
from napari_unet.objects.em_measures import foreground_restricted_rand
from napari_unet.objects.measures import foreground_iou, match, mean_iou
from napari_unet.objects.separate import SeparationSettings, separate
from napari_unet.workflow.fields import grey_range_of, see_field
from napari_unet.workflow.magnification import estimate_object_size
from napari_unet.workflow.preview import (
    annotated_pixels,
    fit_preview,
    preview_labels,
)
from napari_unet.workflow.scale import scale_of
from rows import ROOT, append_row
from strokes import annotate, draw_strokes

SIDE = 512
N_STROKES = 10
COLUMNS = ["set", "image", "seed", "method", "ap50", "iou", "rand", "mean_iou", "see_s", "fit_s", "show_s"]


def main() -> None:
    """Run what was asked for and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=DATA_SETS, default=list(DATA_SETS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--limit", type=int, default=6, help="images per set")
    parser.add_argument("--tune", action="store_true", help="read images of the training folders")
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data", help="default: ../shared/data")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/out/preview.csv")
    options = parser.parse_args()
    rows = []
    for name in options.sets:
        data_set = DATA_SETS[name]
        if not data_set.is_there(options.data):
            print(f"{name}: skipped, there are no images of it (see --data).")
            continue
        for sample in read_images(data_set, options.data, options.limit, options.tune):
            for row in run(data_set, sample, options.seeds):
                append_row(options.out, row, COLUMNS)
                rows.append(row)
        print(report([row for row in rows if row["set"] == name]), flush=True)
    print(report(rows))


def read_images(data_set: DataSet, data: Path, limit: int, tune: bool) -> list[Sample]:
    """The middles of evenly spread images."""
    paths = (data_set.training if tune else data_set.test)(data)
    if limit < len(paths):
        paths = [paths[i] for i in np.linspace(0, len(paths) - 1, limit).round().astype(int)]
    samples = []
    for image, labels in paths:
        sample = read_sample(image, labels, data_set.grey)
        top, left = (max(side - SIDE, 0) // 2 for side in sample.labels.shape)
        samples.append(cut(sample, SIDE, top, left))
    return samples


def run(data_set: DataSet, sample: Sample, seeds: list[int]) -> Iterator[dict[str, object]]:
    """Paint ten strokes, once per seed, and read the rest of the image with both methods."""
    labels_are = LabelsAre(data_set.labels_are)
    truth = sample.labels.astype(np.int32)
    if labels_are is LabelsAre.OBJECTS:
        truth = as_objects(sample.labels, data_set.coding)
    methods = {"preview": Previewed(sample.image, labels_are), "forest": Forested(sample.image, labels_are)}
    for seed in seeds:
        annotation = annotate(draw_strokes(truth, labels_are, N_STROKES, seed))
        for method, made in methods.items():
            probabilities, labels, times = made.read(annotation, seed)
            scores = score(probabilities, labels, annotation, truth, labels_are)
            yield (
                {"set": data_set.name, "image": sample.name, "seed": seed, "method": method} | scores | times
            )


class Previewed:
    """As the window does it: the bundled network at the scale that it finds looks once, a head on top."""

    def __init__(self, image: np.ndarray, labels_are: LabelsAre) -> None:
        pixels = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
        model = bundled_for(len(pixels))
        grey_range = grey_range_of(model, pixels)
        objects = labels_are is LabelsAre.OBJECTS
        self.labels_are = labels_are
        self.settings = SeparationSettings.model_validate(model.description.separation)
        self.size = estimate_object_size(model, normalise(pixels, grey_range)) if objects else None
        scale = scale_of(model.description, self.size, None)
        start = time.perf_counter()
        whole = (0, image.shape[0], 0, image.shape[1])
        self.seen = see_field(model, pixels, (), whole, 1.0, scale, grey_range)
        self.seconds = time.perf_counter() - start

    def read(self, annotation: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, dict[str, object]]:
        """Return probabilities, labels and seconds."""
        start = time.perf_counter()
        n_classes = max(int(annotation.max()), 2) if self.labels_are is LabelsAre.CLASSES else 2
        fitted = fit_preview(
            [annotated_pixels(self.seen, annotation, self.labels_are)], n_classes, trained=False
        )
        assert fitted is not None
        fit = time.perf_counter()
        probabilities = fitted.probabilities(self.seen)
        labels = preview_labels(probabilities, self.seen, self.settings, self.labels_are, self.size)
        end = time.perf_counter()
        return probabilities, labels, {"see_s": self.seconds, "fit_s": fit - start, "show_s": end - fit}


class Forested:
    """The forest of `few_crops_forest.py`, without the fit of how objects are made: nothing complete is painted."""

    def __init__(self, image: np.ndarray, labels_are: LabelsAre) -> None:
        self.labels_are = labels_are
        start = time.perf_counter()
        self.features = compute_features(image)
        self.seconds = time.perf_counter() - start

    def read(self, annotation: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, dict[str, object]]:
        """Return probabilities, labels and seconds."""
        target = make_target(annotation, self.labels_are)
        start = time.perf_counter()
        classifier = RandomForestClassifier(N_TREES, n_jobs=2, random_state=seed)
        classifier.fit(self.features[target.known], target.classes[target.known])
        fit = time.perf_counter()
        probabilities = predict_forest(classifier, self.features)
        labels = probabilities.argmax(axis=0)
        if self.labels_are is LabelsAre.OBJECTS:
            labels = separate(1 - probabilities[0], SeparationSettings())
        end = time.perf_counter()
        return probabilities, labels, {"see_s": self.seconds, "fit_s": fit - start, "show_s": end - fit}


def score(
    probabilities: np.ndarray,
    labels: np.ndarray,
    annotation: np.ndarray,
    truth: np.ndarray,
    labels_are: LabelsAre,
) -> dict[str, object]:
    """Compare with the truth where nothing was painted."""
    free = annotation == 0
    if labels_are is LabelsAre.CLASSES:
        return {"mean_iou": float(np.nan_to_num(mean_iou(labels, truth, valid=free)))}
    found = match(labels, truth, 0.5)
    return {
        "ap50": found.tp / max(found.tp + found.fp + found.fn, 1),
        "iou": foreground_iou(probabilities[0] < 0.5, truth > 0, valid=free),
        "rand": foreground_restricted_rand(labels, truth),
    }


def report(rows: list[dict[str, object]]) -> str:
    """Means per set and seed as a Markdown table."""
    if not rows:
        return "Nothing was read."
    lines = [
        "| set | measure | preview, per seed | mean | forest, per seed | mean | ahead by |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row["set"] for row in rows):
        for measure in ("ap50", "iou", "rand", "mean_iou"):
            mine = [row for row in rows if row["set"] == name and measure in row]
            if not mine or (measure == "rand" and name != "isbi2012_em"):
                continue
            means = {}
            for method in ("preview", "forest"):
                of = [row for row in mine if row["method"] == method]
                seeds = sorted({row["seed"] for row in of})
                means[method] = [
                    float(np.mean([row[measure] for row in of if row["seed"] == s])) for s in seeds
                ]
            cells = []
            for values in means.values():
                cells += [" / ".join(f"{v:.3f}" for v in values), f"{np.mean(values):.3f}"]
            ahead = np.mean(means["preview"]) - np.mean(means["forest"])
            n = len({row["image"] for row in mine})
            lines.append(f"| {name}, {n} images | {measure} | {' | '.join(cells)} | {ahead:+.3f} |")
    of = [row for row in rows if row["method"] == "preview"]
    seconds = {what: np.median([float(row[what]) for row in of]) for what in ("see_s", "fit_s", "show_s")}
    times = ", ".join(f"{what.split('_')[0]} {value:.2f} s" for what, value in seconds.items())
    return "\n".join([*lines, f"Preview, medians: {times}."])


if __name__ == "__main__":
    main()
