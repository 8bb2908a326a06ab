"""The loop as a user runs it from a shell, on crops of a set: `train`, `segment`, `evaluate`."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio
import tifffile

from few_crops_data import DataSet, Sample, as_objects

EVALUATE_NAMES = {"rand": "foreground_restricted_rand"}  # where `evaluate` has a longer name than the table


def run_unet(
    data_set: DataSet, crops: list[Sample], test: list[Sample], seed: int, minutes: float, start: str
) -> dict[str, object]:
    """Train from `start` (as for `--start`) and read with the network; scores and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_images(root / "crops", crops)
        write_images(root / "test", test)
        write_labels(root / "labels", crops)
        model = root / "model.safetensors"
        began = time.perf_counter()
        call_shell(
            *("train", root / "crops", "--labels", root / "labels", "-o", model, "--start", start),
            *("--coding", data_set.coding, "--labels-are", data_set.labels_are),
            *("--minutes", minutes, "--seed", seed),
        )
        trained = time.perf_counter()
        call_shell("segment", root / "test", "-o", root / "read", "--model", model)
        segmented = time.perf_counter()
        scores = score(data_set, root / "read", test)
    return scores | {"train_s": round(trained - began, 1), "segment_s": round(segmented - trained, 1)}


def call_shell(*arguments: object) -> str:
    """Run `napari-unet` with these arguments and return what it wrote; on failure show it and stop."""
    program = shutil.which("napari-unet", path=str(Path(sys.executable).parent)) or "napari-unet"
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"napari-unet {arguments[0]} failed: {done.stdout}{done.stderr}")
    return done.stdout


def write_images(folder: Path, samples: list[Sample]) -> None:
    """Write the images as PNG files that carry the samples' names."""
    folder.mkdir()
    for sample in samples:
        iio.imwrite(folder / f"{sample.name}.png", sample.image)


def write_labels(folder: Path, samples: list[Sample]) -> None:
    """Write the labels as TIFF files that carry the samples' names."""
    folder.mkdir()
    for sample in samples:
        tifffile.imwrite(folder / f"{sample.name}.tif", sample.labels)


def score(data_set: DataSet, read: Path, test: list[Sample]) -> dict[str, object]:
    """Measure the label images in the folder `read` with `napari-unet evaluate`: means over images."""
    if data_set.coding == "binary":
        test = [replace(sample, labels=as_objects(sample.labels, data_set.coding)) for sample in test]
    with tempfile.TemporaryDirectory() as folder:
        truth = Path(folder) / "truth"
        write_labels(truth, test)
        coding = ("--coding", "masks", "--labels-are", data_set.labels_are)
        mean = json.loads(call_shell("evaluate", read, truth, *coding, "--json"))["mean"]
    return {measure: round(mean[EVALUATE_NAMES.get(measure, measure)], 4) for measure in data_set.measures}
