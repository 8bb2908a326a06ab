"""Whether the 90 % intervals of held-out scores hold the score on unseen images, with real trainings.

    python benchmarks/intervals.py OUT.csv [--repeats 30] [--steps 8]

Each repeat takes one large generated specimen (kind, size of objects and optics by chance; every specimen serves two
repeats), cut into fields of view. The bundled network is trained on part of the fields for a few steps, as the window
does it, which holds whole fields out; the intervals of the scores there are compared with the scores on the fields
that the training never got. So that 100 objects are held out of few, two thirds are held out instead of a fifth. An
interrupted run goes on where it ended.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from dataclasses import astuple
from functools import cache
from pathlib import Path

import numpy as np

from napari_unet.annotation.coding import Coding, to_annotation
from napari_unet.network import held_out
from napari_unet.network.bundled import bundled_for
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.objects.tally import Tally, sure_scores, tally
from napari_unet.synthetic.scene import Contrast, Scene, draw_scene
from napari_unet.workflow import AnnotatedImage, segment_image, train_model

CONTRASTS = (Contrast.NUCLEI, Contrast.CYTOPLASM, Contrast.PHASE, Contrast.BRIGHTFIELD, Contrast.MEMBRANE)
FIELD, FIELDS = 128, 6
"""Side of a field of view in px, and how many lie side by side in a specimen."""
HELD_OUT_OBJECTS = 100
REPEATS_PER_SPECIMEN = 2
FRACTION, MOST = 0.65, 0.8
"""Of the objects held out, aimed at and at most; see `napari_unet.network.held_out`."""
NAMES = ("F1", "AP", "IoU", "merges", "splits")


@cache
def specimen(number: int) -> Scene:
    """Return a large image of one kind."""
    rng = np.random.default_rng([17, number])
    side = FIELD * FIELDS
    return draw_scene(rng, (side, side), CONTRASTS[number % len(CONTRASTS)], float(rng.uniform(18, 26)))


def fields(scene: Scene) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the fields of view: image (C, Y, X) and truth, numbered from 1."""
    found = []
    for y in range(0, FIELD * FIELDS, FIELD):
        for x in range(0, FIELD * FIELDS, FIELD):
            truth = scene.labels[y : y + FIELD, x : x + FIELD]
            _, numbered = np.unique(np.append(truth, 0), return_inverse=True)
            numbered = numbered[:-1].reshape(truth.shape).astype(np.int32)
            found.append((scene.image[:, y : y + FIELD, x : x + FIELD], numbered))
    return found


def repeat(seed: int, steps: int) -> dict[str, object]:
    """Train once; return a row."""
    begin = time.monotonic()
    scene = specimen(seed // REPEATS_PER_SPECIMEN)
    rng = np.random.default_rng(seed)
    every = fields(scene)
    order, images, n_objects = list(rng.permutation(len(every))), [], 0
    while n_objects < HELD_OUT_OBJECTS / FRACTION and len(order) > len(every) // 3:
        image, truth = every[order.pop()]
        if truth.any():
            images.append(AnnotatedImage(f"field {len(images)}", image, to_annotation(truth, Coding.MASKS)))
            n_objects += int(truth.max())
    start = bundled_for(scene.image.shape[0])
    trained = train_model(images, TrainingSettings(steps=steps, minutes=None, seed=seed), start=start)
    unseen = [tally(segment_image(trained.model, every[k][0]).labels, every[k][1]) for k in order]
    return {
        "seed": seed,
        "contrast": scene.contrast.value,
        "object_size": round(scene.object_size, 1),
        "fields": len(images),
        "held_out": json.dumps([astuple(each) for each in trained.tallies]),
        "unseen": json.dumps([astuple(each) for each in unseen]),
        "seconds": round(time.monotonic() - begin, 1),
    }


def report(rows: list[dict[str, str]]) -> None:
    """Say how often each interval held the score on unseen fields, and how wide it was."""
    found = []
    for row in rows:
        held, unseen = (
            sure_scores([Tally(*counts) for counts in json.loads(row[name])])
            for name in ("held_out", "unseen")
        )
        found.append((held, unseen))
    objects = [sum(c[0] + c[2] for c in json.loads(row["held_out"])) for row in rows]
    places = [len(json.loads(row["held_out"])) for row in rows]
    print(
        f"{len(rows)} repeats, {np.median(objects):.0f} objects in {np.median(places):.0f} places held out (medians)"
    )
    for name in NAMES:
        inside = sum(a[name].low <= b[name].value <= a[name].high for a, b in found)
        half = np.array([a[name].half_width for a, _ in found])
        off = np.mean([a[name].value - b[name].value for a, b in found])
        print(
            f"{name:7} held {inside} of {len(found)}; half-width median {np.median(half):.3f}, "
            f"largest {half.max():.3f}; held-out less unseen {off:+.3f} on average"
        )


def main() -> None:
    """Run the repeats that are missing, and say what came out."""
    held_out.FRACTION, held_out.MOST = FRACTION, MOST
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--steps", type=int, default=8)
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
        print(seed, row["contrast"], row["seconds"], flush=True)
    report(list(csv.DictReader(arguments.out.open())))


if __name__ == "__main__":
    main()
