"""The experiment of the U-Net paper, and what each of its ideas is worth: one idea left out (or put in) at a time.

    python benchmarks/paper.py --seconds 900                     # both sets, all ideas, three seeds: a night and more
    python benchmarks/paper.py --sets isbi2012_em --ideas paper --seeds 0 --seconds 36000   # the paper's own network
    python benchmarks/paper.py --report

Sets: isbi2012_em (trained on slices 00-09, read on 10-14, so not the challenge's hidden ones) and those fluorescence
images of dsb2018 in which at least 30 % of the nuclei touch, divided by the hash of their names. Every training is read
twice, as it is and averaged over seven rotations. A reading is a row of benchmarks/out/paper.csv; what is there is not
repeated.
"""

import argparse
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from scipy import ndimage as ndi

from few_crops_data import DATA_SETS, Sample, as_objects, dsb2018_paths, read_sample
from napari_unet.annotation.coding import Coding, LabelsAre, to_annotation
from napari_unet.network.prediction import Averaging
from napari_unet.network.training_settings import TrainingSettings
from napari_unet.network.unet import UNetConfig
from napari_unet.objects.em_measures import (
    foreground_restricted_information,
    foreground_restricted_rand,
    rand_error,
)
from napari_unet.objects.measures import match, merges_and_splits, pixel_error, seg_score
from napari_unet.objects.warping import warping_error
from napari_unet.workflow import AnnotatedImage, TrainedModel, segment_image, train_model
from rows import add_options, append_row, describe_run, read_rows

READINGS = (Averaging.NONE, Averaging.ROTATIONS7)
MEASURES = {
    "isbi2012_em": ("rand_error", "warping_error", "pixel_error", "v_rand", "v_info", "merges", "splits"),
    "dsb2018-touching": ("f1", "ap50", "seg", "merges", "splits"),
}
COLUMNS = [
    *("set", "idea", "seed", "seconds", "averaging", "steps", "train_s", "read_s", "images"),
    *dict.fromkeys(name for names in MEASURES.values() for name in names),
    *("crops", "date", "commit", "machine", "versions"),
]
PAPER = {"rand_error": 0.0382, "warping_error": 0.000353, "pixel_error": 0.0611}
"""Of the paper, on the challenge's hidden slices: 30 slices trained on, one class map at the best threshold."""
TOUCHING = (
    0.3  # part of the nuclei that touch another one, from which on an image counts as one of touching nuclei
)
N_TRAIN, N_READ = 12, 12


class WithDropOut(TrainingSettings):
    """The laptop network with the paper's drop-out at the end of the contracting path."""

    def network_config(self, *of_images: Any) -> UNetConfig:
        """As the preset, with drop-out."""
        return super().network_config(*of_images).model_copy(update={"dropout": 0.5})


def _without_border_weight(settings: TrainingSettings) -> TrainingSettings:
    weights = settings.weight_map.model_copy(update={"w0": 0.0})
    return settings.model_copy(update={"weight_map": weights})


def _without_elastic(settings: TrainingSettings) -> TrainingSettings:
    augmentation = settings.augmentation.model_copy(update={"elastic_sigma": 0.0})
    return settings.model_copy(update={"augmentation": augmentation})


IDEAS: dict[str, Callable[[TrainingSettings], TrainingSettings]] = {
    "laptop": lambda settings: settings,
    "no weight map": _without_border_weight,
    "no elastic deformation": _without_elastic,
    "drop-out": lambda settings: WithDropOut(**settings.model_dump()),
    "paper": lambda settings: settings.model_copy(update={"preset": "ronneberger2015"}),
}
"""What differs from the laptop network as it is; "paper" is the network of 2015 with its own recipe."""


@dataclass(frozen=True, eq=False)
class Experiment:
    """Images to train on and to read, truths as objects numbered from 1."""

    name: str
    train: list[Sample]
    read: list[Sample]
    rgb: bool


def main() -> None:
    """Read the options and run what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=MEASURES, default=list(MEASURES))
    parser.add_argument(
        "--ideas", nargs="+", choices=IDEAS, default=[name for name in IDEAS if name != "paper"]
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=900.0, help="of training per run")
    parser.add_argument("--limit", type=int, help="read at most this many images per set")
    add_options(parser, "paper")
    options = parser.parse_args()
    if options.report:
        print(write_table(read_rows(options.out)))
        return
    for name in options.sets:
        if not (options.data / name.split("-")[0]).is_dir():
            print(f"{name}: skipped, its images are not in {options.data} (see --data).")
            continue
        experiment = (read_em if name == "isbi2012_em" else read_touching)(options.data, options.limit)
        for seed in options.seeds:
            for idea in options.ideas:
                run(experiment, idea, seed, options)


def run(experiment: Experiment, idea: str, seed: int, options: argparse.Namespace) -> None:
    """Train once, unless all readings of it are there, and read."""
    key = {"set": experiment.name, "idea": idea, "seed": seed, "seconds": options.seconds}
    key |= {"images": len(experiment.read)}
    there = {
        row["averaging"]
        for row in read_rows(options.out)
        if all(row[name] == str(value) for name, value in key.items())
    }
    missing = [averaging for averaging in READINGS if averaging.value not in there]
    if not missing:
        return
    trained = train(experiment, IDEAS[idea](TrainingSettings(minutes=options.seconds / 60, seed=seed)))
    described = describe_run([], experiment.read)
    for averaging in missing:
        began = time.perf_counter()
        scores = read(experiment, trained, averaging)
        row = key | {"averaging": averaging.value, "steps": trained.outcome.steps}
        row |= {"train_s": round(trained.outcome.seconds, 1), "read_s": round(time.perf_counter() - began, 1)}
        append_row(options.out, row | scores | described, COLUMNS)
        print(row | scores, flush=True)


def train(experiment: Experiment, settings: TrainingSettings) -> TrainedModel:
    """Train from scratch on everything, as the window would."""
    images = [
        AnnotatedImage(
            sample.name,
            channels_first(sample.image),
            to_annotation(sample.labels, Coding.MASKS, LabelsAre.OBJECTS),
            picture=sample.name,
        )
        for sample in experiment.train
    ]
    return train_model(images, settings.model_copy(update={"early_stop": False}), rgb=experiment.rgb)


def read(experiment: Experiment, trained: TrainedModel, averaging: Averaging) -> dict[str, object]:
    """Mean of the measures over the images; merges and splits in all of them together."""
    measured: list[dict[str, float]] = []
    for sample in experiment.read:
        found = segment_image(trained.model, channels_first(sample.image), averaging=averaging).labels
        measured.append(measure(experiment.name, found, sample.labels))
    names = MEASURES[experiment.name]
    total = {name: sum(scores[name] for scores in measured) for name in names}
    return {
        name: round(total[name] if name in ("merges", "splits") else total[name] / len(measured), 6)
        for name in names
    }


def measure(name: str, found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """All measures of one image."""
    merges, splits = merges_and_splits(found, truth)
    scores: dict[str, float] = {"merges": merges, "splits": splits}
    if name == "isbi2012_em":
        return scores | {
            "rand_error": rand_error(found, truth),
            "warping_error": warping_error(found, truth),
            "pixel_error": pixel_error(found > 0, truth > 0),
            "v_rand": foreground_restricted_rand(found, truth),
            "v_info": foreground_restricted_information(found, truth),
        }
    matched = match(found, truth, 0.5)
    return scores | {"f1": matched.f1, "ap50": matched.ap, "seg": seg_score(found, truth)}


def read_em(data: Path, limit: int | None) -> Experiment:
    """Slices 00-09 to train on, 10-14 to read; cells are the connected pieces of the mask's inside."""
    paths = DATA_SETS["isbi2012_em"]

    def samples(which: list[tuple[Path, Path]]) -> list[Sample]:
        read = [read_sample(*pair, grey=True) for pair in which]
        return [Sample(s.name, s.image, as_objects(s.labels, "binary")) for s in read]

    return Experiment(paths.name, samples(paths.training(data)), samples(paths.test(data))[:limit], False)


def read_touching(data: Path, limit: int | None) -> Experiment:
    """Fluorescence images in which many nuclei touch, half to train on and half to read by the hash of their names."""
    train, read = [], []
    for paths in dsb2018_paths(data, "train", "fluorescence"):
        is_read = hashlib.sha256(paths[0].stem.encode()).digest()[0] % 2 == 1
        chosen = read if is_read else train
        if len(chosen) >= (N_READ if is_read else N_TRAIN):
            continue
        sample = read_sample(*paths, grey=True)
        if max(sample.labels.shape) <= 520 and touching_part(sample.labels) >= TOUCHING:
            chosen.append(sample)
    return Experiment("dsb2018-touching", train, read[:limit], False)


def touching_part(labels: np.ndarray) -> float:
    """Part of the nuclei that lie less than two pixels from another one; 0 with fewer than ten."""
    values = np.unique(labels[labels > 0])
    if values.size < 10:
        return 0.0
    largest = ndi.maximum_filter(labels, 3)
    smallest = ndi.minimum_filter(np.where(labels > 0, labels, labels.max() + 1), 3)
    meets = (labels > 0) & ((largest != labels) | (smallest != labels))
    return len(np.unique(labels[meets])) / values.size


def channels_first(image: np.ndarray) -> np.ndarray:
    """Return an image (Y, X) or (Y, X, C) as (C, Y, X)."""
    return image[np.newaxis] if image.ndim == 2 else np.moveaxis(image, -1, 0)


def write_table(rows: list[dict[str, str]]) -> str:
    """Per set: a line per idea, reading and training time, mean ± spread over seeds, and what it is worth."""
    lines: list[str] = []
    for name, measures in MEASURES.items():
        mine = [row for row in rows if row["set"] == name]
        if not mine:
            continue
        lines += [f"**{name}**", "", f"| idea | averaging | s | seeds | {' | '.join(measures)} |"]
        lines.append("|" + "---|" * (4 + len(measures)))
        for idea, averaging, seconds in sorted(
            {(row["idea"], row["averaging"], float(row["seconds"])) for row in mine},
            key=lambda line: (line[2], list(IDEAS).index(line[0]), line[1]),
        ):
            here = [
                r
                for r in mine
                if (r["idea"], r["averaging"], float(r["seconds"])) == (idea, averaging, seconds)
            ]
            cells = " | ".join(_cell([float(row[measure]) for row in here]) for measure in measures)
            lines.append(f"| {idea} | {averaging} | {seconds:g} | {len(here)} | {cells} |")
        if name == "isbi2012_em":
            cells = " | ".join(f"{PAPER[m]:g}" if m in PAPER else "–" for m in measures)
            lines.append(f"| *the paper, hidden slices* | rotations7 | 36000 (GPU) | 1 | {cells} |")
        lines.append("")
    return "\n".join(lines) if lines else "Nothing has been run yet."


def _cell(values: list[Any]) -> str:
    return f"{mean(values):.4g}" + (f" ± {stdev(values):.2g}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()
