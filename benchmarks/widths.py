"""Which width and depth a laptop earns most from: quality after equal processor time, from scratch.

    python benchmarks/widths.py                                        # about an hour of one core
    python benchmarks/widths.py --networks 16x4 32x4 --sets isbi2012_em --seeds 0
    python benchmarks/widths.py --report

First the processor time of one training step of every network is measured, side by side and in turns; then each
gets as many steps as fit into the same time, so that the outcome does not depend on what else the machine does.
Four crops of a set, as in few_crops.py; scored are other images of its training folder, no test image. Every run is
a row of benchmarks/out/widths.csv; runs that are there are not repeated.
"""

import argparse
import time
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import torch
from skimage.measure import label
from torch import Tensor

from few_crops_data import DATA_SETS, DataSet, Sample, draw_crops, read_sample
from napari_unet.annotation.coding import Coding, LabelsAre, to_annotation
from napari_unet.network.losses import weighted_cross_entropy
from napari_unet.network.prediction import predict
from napari_unet.network.training_settings import RECIPES, TrainingSettings
from napari_unet.network.unet import UNet, UNetConfig, laptop, n_parameters
from napari_unet.objects.measures import foreground_iou, match
from napari_unet.workflow.annotated import AnnotatedImage
from napari_unet.workflow.segmentation import segment_image
from napari_unet.workflow.training import train_model
from rows import add_options, append_row, describe_run, is_done, read_rows

COLUMNS = [
    *("network", "set", "seed", "core_seconds", "steps", "ap50", "ap75", "iou", "step_s", "predict_s"),
    *("parameters", "images", "crops", "date", "commit", "machine", "versions"),
]
SETS = ["dsb2018-fluorescence", "dsb2018-colour", "isbi2012_em"]
TURNS = 7
N_UNSEEN = 10
SIDE = 512  # px; larger unseen images are cut to their corner


def main() -> None:
    """Read the options and run what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--networks",
        nargs="+",
        default=["8x4", "16x3", "16x4", "24x4", "32x4"],
        help="width of the first level x number of poolings",
    )
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--core-seconds", type=float, default=60.0, help="of training, on one core")
    add_options(parser, "widths")
    options = parser.parse_args()
    if options.report:
        print(write_table(read_rows(options.out)))
        return
    torch.set_num_threads(1)
    times = measure_times(options.networks)
    for name in options.sets:
        for seed in options.seeds:
            crops = draw_crops(DATA_SETS[name], options.data, seed)
            unseen = read_unseen(DATA_SETS[name], options.data, crops, seed)
            for network in options.networks:
                key = {"network": network, "set": name, "seed": seed, "core_seconds": options.core_seconds}
                if not is_done(options.out, key):
                    row = key | run(network, DATA_SETS[name], crops, unseen, key, times[network])
                    append_row(options.out, row | describe_run(crops, unseen), COLUMNS)
                    print(*(row[k] for k in COLUMNS[:8]), flush=True)


def measure_times(networks: list[str]) -> dict[str, tuple[float, float]]:
    """Processor seconds of one training step and of reading 512², the best of several turns each."""
    made = {name: UNet(configuration(name)).to(memory_format=torch.channels_last) for name in networks}
    recipe = RECIPES["laptop"]
    x = torch.randn(recipe.batch_size, 1, recipe.patch_size, recipe.patch_size)
    x = x.contiguous(memory_format=torch.channels_last)
    image = np.random.default_rng(0).normal(size=(1, 512, 512)).astype(np.float32)
    best = dict.fromkeys(networks, (np.inf, np.inf))
    for _ in range(TURNS):
        for name, network in made.items():
            begun = time.thread_time()
            make_step(network.train(), x)
            between = time.thread_time()
            predict(network, image, device="cpu")
            took = (between - begun, time.thread_time() - between)
            best[name] = (min(best[name][0], took[0]), min(best[name][1], took[1]))
    return best


def make_step(network: UNet, x: Tensor) -> None:
    """Forward and backward, as a training step does."""
    logits = network(x)
    classes = torch.zeros(x.shape[0], *x.shape[2:], dtype=torch.long)
    weighted_cross_entropy(logits[:, :2], classes, torch.ones(classes.shape)).backward()
    network.zero_grad()


def configuration(name: str) -> UNetConfig:
    """The network called, for example, 16x4."""
    width, depth = map(int, name.split("x"))
    return laptop(in_channels=1).model_copy(update={"width": width, "depth": depth})


def read_unseen(data_set: DataSet, data: Path, crops: list[Sample], seed: int) -> list[Sample]:
    """Other images of the training folder."""
    paths = data_set.training(data)
    names = {crop.name for crop in crops}
    order = np.random.default_rng([seed, 1]).permutation(len(paths))
    chosen = [paths[i] for i in order if paths[i][0].stem not in names][:N_UNSEEN]
    samples = [read_sample(*pair, grey=data_set.grey) for pair in chosen]
    return [Sample(s.name, s.image[:SIDE, :SIDE], s.labels[:SIDE, :SIDE]) for s in samples]


def run(
    name: str, data_set: DataSet, crops: list[Sample], unseen: list[Sample], key: dict, times: tuple
) -> dict[str, object]:
    """Train one network for its time and score it."""
    config = configuration(name)
    settings = TrainingSettings(
        steps=max(1, round(key["core_seconds"] / times[0])),
        width=config.width,
        depth=config.depth,
        seed=key["seed"],
        threads=1,
    )
    coding, labels_are = Coding(data_set.coding), LabelsAre(data_set.labels_are)
    annotated = [
        AnnotatedImage(
            crop.name,
            channels_first(crop.image),
            to_annotation(crop.labels, coding, labels_are),
            picture=crop.name,
        )
        for crop in crops
    ]
    model = train_model(annotated, settings, rgb=not data_set.grey).model
    scores = []
    for sample in unseen:
        truth = np.asarray(sample.labels).astype(np.int32)
        if data_set.coding == "binary":
            truth = label(truth > 0, connectivity=1).astype(np.int32)
        found = segment_image(model, channels_first(sample.image)).labels
        scores.append(
            (match(found, truth, 0.5).ap, match(found, truth, 0.75).ap, foreground_iou(found, truth))
        )
    ap50, ap75, iou = np.mean(scores, axis=0)
    return {
        "steps": settings.steps,
        "ap50": round(float(ap50), 4),
        "ap75": round(float(ap75), 4),
        "iou": round(float(iou), 4),
        "step_s": round(times[0], 4),
        "predict_s": round(times[1], 4),
        "parameters": n_parameters(model.network),
    }


def channels_first(image: np.ndarray) -> np.ndarray:
    """(C, Y, X) of (Y, X) or (Y, X, C)."""
    return image[None] if image.ndim == 2 else np.ascontiguousarray(np.moveaxis(image, -1, 0))


def write_table(rows: list[dict[str, str]]) -> str:
    """A line per network, its AP at IoU 0.5 and 0.75 on every set: mean over seeds, ± spread."""
    sets = list(dict.fromkeys(row["set"] for row in rows))
    lines = [
        "| width x depth | parameters | s per step | s per 512² | " + " | ".join(sets) + " |",
        "|---" * (4 + len(sets)) + "|",
    ]
    for network in dict.fromkeys(row["network"] for row in rows):
        same = [row for row in rows if row["network"] == network]
        cells = [f"{network} | {int(same[0]['parameters']):,} | {same[0]['step_s']} | {same[0]['predict_s']}"]
        for name in sets:
            values = [[float(r[k]) for r in same if r["set"] == name] for k in ("ap50", "ap75")]
            cells.append(
                " / ".join(
                    f"{mean(v):.3f}" + (f" ± {stdev(v):.3f}" if len(v) > 1 else "") for v in values if v
                )
            )
        lines.append("| " + " | ".join(cells) + " |")
    note = "AP at IoU 0.5 / 0.75 on unseen images of the training folders; processor seconds of one thread."
    return "\n".join([*lines, "", note])


if __name__ == "__main__":
    main()
