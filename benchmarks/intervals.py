"""Whether the 90 % intervals of held-out scores hold the score on unseen images, with real trainings.

    python benchmarks/intervals.py OUT.csv [--repeats 30] [--steps 12]

Each repeat draws its own images of one kind (contrast and size of objects by chance), trains the bundled network on
them for a few steps as the window does, with whole images held out, and compares the intervals of the held-out scores
with the scores on other images of the same kind. An interrupted run goes on where it ended.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np

from napari_unet.annotation.coding import Coding, to_annotation
from napari_unet.network.bundled import bundled_for
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.objects.tally import Tally, sure_scores, tally
from napari_unet.synthetic.scene import Contrast, draw_scene
from napari_unet.workflow import AnnotatedImage, segment_image, train_model

CONTRASTS = (Contrast.NUCLEI, Contrast.CYTOPLASM, Contrast.PHASE, Contrast.BRIGHTFIELD, Contrast.MEMBRANE)
SIDE = 160
HELD_OUT_OBJECTS = 100
UNSEEN = 30
"""Images on which the score is measured that the interval should hold."""


def draw(rng: np.random.Generator, contrast: Contrast, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Return an image (C, Y, X) and its truth."""
    scene = draw_scene(rng, (SIDE, SIDE), contrast, object_size=size)
    return scene.image, scene.labels


def repeat(seed: int, steps: int) -> dict[str, object]:
    """Train once; return a row."""
    begin = time.monotonic()
    rng = np.random.default_rng(seed)
    contrast, size = CONTRASTS[seed % len(CONTRASTS)], float(rng.uniform(20, 32))
    images, n_objects = [], 0
    # A fifth of the objects is held out, in whole images from eight on.
    while len(images) < 8 or n_objects < 5 * HELD_OUT_OBJECTS:
        image, truth = draw(rng, contrast, size)
        images.append(AnnotatedImage(f"image {len(images)}", image, to_annotation(truth, Coding.MASKS)))
        n_objects += int(truth.max())
        if len(images) == 60:
            break
    start = bundled_for(images[0].image.shape[0])
    trained = train_model(images, TrainingSettings(steps=steps, minutes=None, seed=seed), start=start)
    unseen: list[Tally] = []
    for _ in range(UNSEEN):
        image, truth = draw(rng, contrast, size)
        unseen.append(tally(segment_image(trained.model, image).labels, truth))
    held, real = sure_scores(trained.tallies), sure_scores(unseen)
    row: dict[str, object] = {
        "seed": seed,
        "contrast": contrast.value,
        "object_size": round(size, 1),
        "images": len(images),
        "held_out_images": len(trained.tallies),
        "held_out_objects": sum(each.n_true for each in trained.tallies),
        "unseen_objects": sum(each.n_true for each in unseen),
    }
    for name in ("F1", "IoU", "merges", "splits"):
        interval, truth_score = held[name], real[name].value
        row |= {
            f"{name}": f"{interval.value:.4f}",
            f"{name}_low": f"{interval.low:.4f}",
            f"{name}_high": f"{interval.high:.4f}",
            f"{name}_unseen": f"{truth_score:.4f}",
            f"{name}_held": int(interval.low <= truth_score <= interval.high),
        }
    return row | {"seconds": round(time.monotonic() - begin, 1)}


def main() -> None:
    """Run the repeats that are missing, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--steps", type=int, default=12)
    arguments = parser.parse_args()
    rows = list(csv.DictReader(arguments.out.open())) if arguments.out.exists() else []
    done = {int(row["seed"]) for row in rows}
    for seed in range(arguments.repeats):
        if seed in done:
            continue
        row = repeat(seed, arguments.steps)
        fresh = not arguments.out.exists()
        with arguments.out.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        print(row, flush=True)
    rows = list(csv.DictReader(arguments.out.open()))
    for name in ("F1", "IoU", "merges", "splits"):
        held = sum(int(row[f"{name}_held"]) for row in rows)
        half = np.array([(float(row[f"{name}_high"]) - float(row[f"{name}_low"])) / 2 for row in rows])
        bias = np.mean([float(row[name]) - float(row[f"{name}_unseen"]) for row in rows])
        print(
            f"{name}: held in {held} of {len(rows)}; half-width median {np.median(half):.3f}, "
            f"largest {half.max():.3f}; held-out less unseen {bias:+.3f} on average"
        )


if __name__ == "__main__":
    main()
