"""What a few painted objects are worth in one picture: from none to hundreds, from scratch and from the bundle.

    python benchmarks/few_objects.py                                       # everything, three seeds: hours
    python benchmarks/few_objects.py --pictures coins --objects 0 3 6 --steps 100 --seeds 0
    python benchmarks/few_objects.py --report

A biologist's first minutes: some neighbouring objects are painted whole, a thin rim of background around them,
and two strokes on empty ground. Scored is the rest of the same picture. Pictures: two samples with truth, and
where the data folder is there, validation images of dsb2018 (one in ten of its training folder, which the bundled
weights were never trained on) and a training slice of isbi2012_em. Every run is a row of
benchmarks/out/few_objects.csv; runs that are there are not repeated.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import imageio.v3 as iio
import numpy as np
from scipy import ndimage
from skimage.draw import line
from skimage.measure import label

from napari_unet.network.bundled import bundled_for
from napari_unet.network.training import TrainingSettings
from napari_unet.objects.measures import foreground_iou, match
from napari_unet.samples import find_sample
from napari_unet.workflow.annotated import AnnotatedImage
from napari_unet.workflow.segmentation import segment_image
from napari_unet.workflow.training import train_model
from rows import ROOT, add_options, append_row, describe_run, is_done, read_rows

sys.path.insert(0, str(ROOT / "training"))
from real_sets import read_real

COLUMNS = [
    *("picture", "n_objects", "start", "variant", "steps", "seconds", "seed"),
    *("painted", "f1", "ap50", "iou", "separation", "train_s", "date", "commit", "machine", "versions"),
]
PICTURES_PER_GROUP = 2
RIM = 4  # px of background around a painted object
STROKE = 40  # px


@dataclass(frozen=True, eq=False)
class Picture:
    """`image` (C, Y, X) as it comes, `truth` (Y, X) int32 with 0 for background."""

    name: str
    image: np.ndarray
    truth: np.ndarray


def main() -> None:
    """Read the options and run what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", nargs="+", help="names or their beginnings; default: all")
    parser.add_argument("--objects", nargs="+", type=int, default=[0, 3, 6, 10, 30, 100, 500])
    parser.add_argument("--starts", nargs="+", default=["bundled", "scratch"])
    parser.add_argument("--steps", type=int, help="instead of seconds: the same on every machine")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, help="learning rate; default: the program's")
    parser.add_argument(
        "--variant", default="", help="a word for the table, for what was changed in the code"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add_options(parser, "few_objects")
    options = parser.parse_args()
    if options.report:
        print(write_table(read_rows(options.out)))
        return
    wanted = tuple(options.pictures or [""])
    for picture in [p for p in read_pictures(options.data) if p.name.startswith(wanted)]:
        for n_objects in options.objects:
            if n_objects < picture.truth.max():
                for start in options.starts if n_objects else ["bundled"]:
                    for seed in options.seeds if n_objects else [0]:
                        run(picture, n_objects, start, seed, options)


def run(picture: Picture, n_objects: int, start: str, seed: int, options: argparse.Namespace) -> None:
    """Paint, train, segment, and add a row; unless the row is there."""
    key = {
        "picture": picture.name,
        "n_objects": n_objects,
        "start": start,
        "variant": options.variant,
        "steps": (options.steps or "") if n_objects else 0,
        "seconds": "" if options.steps or not n_objects else options.seconds,
        "seed": seed,
    }
    if is_done(options.out, key):
        return
    painted = paint(picture.truth, n_objects, np.random.default_rng([seed, n_objects]))
    model, began = bundled_for(len(picture.image)), time.perf_counter()
    if n_objects:
        minutes = None if options.steps else options.seconds / 60
        settings = TrainingSettings(
            steps=options.steps, minutes=minutes, seed=seed, learning_rate=options.rate
        )
        annotated = AnnotatedImage(picture.name, picture.image, painted)
        rgb = len(picture.image) == 3
        model = train_model([annotated], settings, start=model if start == "bundled" else None, rgb=rgb).model
    seconds = time.perf_counter() - began
    found, valid = segment_image(model, picture.image).labels, painted == 0
    matching = match(found, picture.truth, valid=valid)
    separation = model.description.separation
    row = key | {
        "painted": f"{100 * (painted > 0).mean():.1f} %",
        "f1": round(matching.f1, 4),
        "ap50": round(matching.ap, 4),
        "iou": round(foreground_iou(found, picture.truth, valid=valid), 4),
        "separation": " ".join(str(separation.get(k)) for k in ("method", "threshold", "smallest")),
        "train_s": round(seconds, 1),
    }
    about = describe_run([], [])
    append_row(options.out, row | {k: about[k] for k in COLUMNS[-4:]}, COLUMNS)
    print(*(row[k] for k in COLUMNS[:12]), flush=True)


def paint(truth: np.ndarray, n_objects: int, rng: np.random.Generator) -> np.ndarray:
    """Annotate the `n_objects` nearest to a random place, their rims, and two strokes on empty ground.

    Returns
    -------
    (Y, X) int32
        0 not annotated, 1 background, 2 and up objects.
    """
    painted = np.zeros(truth.shape, np.int32)
    if not n_objects:
        return painted
    numbers = np.unique(truth[truth > 0])
    centres = np.array(ndimage.center_of_mass(truth > 0, truth, numbers))
    here = centres[rng.integers(len(centres))]
    chosen = numbers[np.argsort(((centres - here) ** 2).sum(axis=1))[:n_objects]]
    inside = np.isin(truth, chosen)
    rim = ndimage.binary_dilation(inside, iterations=RIM) & (truth == 0)
    painted[rim] = 1
    away = ndimage.distance_transform_edt(truth == 0)
    for _ in range(2):
        places = np.argwhere(away >= min(8, 0.8 * away.max()))
        y, x = places[rng.integers(len(places))]
        rows, columns = line(y, x, y, min(x + STROKE, truth.shape[1] - 1))
        stroke = np.zeros(truth.shape, bool)
        stroke[rows, columns] = True
        painted[ndimage.binary_dilation(stroke, iterations=2) & (truth == 0)] = 1
    painted[inside] = np.searchsorted(numbers, truth[inside]) + 2
    return painted


def read_pictures(data: Path) -> list[Picture]:
    """The pictures that there are, the samples first."""
    pictures = []
    for name in ("touching-cells", "coins"):
        sample = find_sample(name)
        pictures.append(Picture(name, sample.image[None], sample.truth.astype(np.int32)))
    if (data / "dsb2018").is_dir():
        groups: dict[str, list[Picture]] = {}
        for real in sorted(
            read_real(data, validation=True), key=lambda r: (-len(np.unique(r.labels)), r.name)
        ):
            groups.setdefault(real.family, []).append(
                Picture(f"{real.family}-{real.name[:6]}", real.image, real.labels)
            )
        pictures += [p for group in groups.values() for p in group[:PICTURES_PER_GROUP]]
    for path in sorted((data / "isbi2012_em" / "images").glob("*05*.png"))[:1]:
        cells = label(iio.imread(data / "isbi2012_em" / "labels" / path.name) > 0, connectivity=1)
        pictures.append(Picture("isbi2012_em-05", iio.imread(path)[None], cells.astype(np.int32)))
    return pictures


def write_table(rows: list[dict[str, str]]) -> str:
    """Mean F1 (and foreground IoU) over seeds: a line per picture and start, a column per number of objects."""
    columns = sorted({int(row["n_objects"]) for row in rows})
    lines = [
        "| picture | start | " + " | ".join(f"{n} objects" for n in columns) + " |",
        "|---" * (2 + len(columns)) + "|",
    ]
    kinds = {(r["picture"], r["start"], r["variant"], r["steps"], r["seconds"]): None for r in rows}
    for picture, start, variant, steps, seconds in kinds:
        cells = []
        for n in columns:
            same = [r for r in rows if r["picture"] == picture and int(r["n_objects"]) == n]
            same = [
                r
                for r in same
                if (r["start"], r["variant"], r["steps"], r["seconds"]) == (start, variant, steps, seconds)
            ]
            f1, iou = [float(r["f1"]) for r in same], [float(r["iou"]) for r in same]
            cells.append(f"{mean(f1):.2f} ({mean(iou):.2f})" if same else "–")
        budget = f"{steps} steps" if steps else f"{seconds} s"
        lines.append(f"| {picture} | {start} {variant}, {budget} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", "F1 at IoU 0.5 (IoU of the foreground), mean over seeds."])


if __name__ == "__main__":
    main()
