"""From four annotated crops and two minutes of training: the network beside a random forest, on four sets.

    python benchmarks/few_crops.py                    # all sets, three seeds, both methods
    python benchmarks/few_crops.py --sets axon_sem --seeds 0 --methods unet --limit 2
    python benchmarks/few_crops.py --report           # mean and spread of what has been run, as Markdown

Every run is a row of benchmarks/out/few_crops.csv; runs that are there are not repeated. The network is
used as a user uses it from a shell: `napari-unet train`, then `napari-unet segment`. Label images of both are
measured by `napari-unet evaluate`.
"""

import argparse
import csv
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import imageio.v3 as iio
import tifffile
from skimage.measure import label

from few_crops_data import DATA_SETS, DataSet, Sample, draw_crops, read_test
from few_crops_report import write_report

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = [
    *("set", "method", "seed", "minutes", "limit", "images", "ap50", "f1", "mean_iou", "rand", "pixel_error"),
    *("train_s", "segment_s", "crops", "date", "commit", "machine", "versions"),
]
EVALUATE_NAMES = {"rand": "foreground_restricted_rand"}  # where `evaluate` has a longer name than the table


def main() -> None:
    """Read the options, run what is missing, print each row as it is made."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=DATA_SETS, default=list(DATA_SETS))
    parser.add_argument("--methods", nargs="+", choices=["unet", "forest"], default=["unet", "forest"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=2.0, help="training time of the network")
    parser.add_argument("--limit", type=int, help="score at most this many test images per set")
    parser.add_argument("--jobs", type=int, default=2, help="processor cores for the forest")
    parser.add_argument("--data", type=Path, default=ROOT / "../shared/data", help="default: ../shared/data")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/out/few_crops.csv")
    parser.add_argument("--report", action="store_true", help="print what has been run and stop")
    options = parser.parse_args()
    if options.report:
        print(write_report(read_rows(options.out)))
        return
    for name in options.sets:
        data_set = DATA_SETS[name]
        if not data_set.is_there(options.data):
            print(
                f"{name}: skipped, there are no images in {options.data / name.split('-')[0]} (see --data)."
            )
            continue
        test = read_test(data_set, options.data, options.limit)
        for seed in options.seeds:
            crops = draw_crops(data_set, options.data, seed)
            for method in options.methods:
                minutes = options.minutes if method == "unet" else 0.0
                key = {
                    "set": name,
                    "method": method,
                    "seed": seed,
                    "minutes": minutes,
                    "limit": options.limit or "",
                }
                if any(all(row[k] == str(v) for k, v in key.items()) for row in read_rows(options.out)):
                    print(f"{name}, {method}, seed {seed}: is there already.")
                    continue
                run = run_unet if method == "unet" else run_forest
                row = key | run(data_set, crops, test, seed, options) | describe_run(crops, test)
                append_row(options.out, row)
                print(f"{name}, {method}, seed {seed}:", {k: row[k] for k in data_set.measures}, flush=True)


def run_forest(
    data_set: DataSet, crops: list[Sample], test: list[Sample], seed: int, options: argparse.Namespace
) -> dict[str, object]:
    """Train and read with the random forest; scores and seconds."""
    from few_crops_forest import segment_with_forest, train_forest

    forest = train_forest(data_set, crops, seed, options.jobs)
    with tempfile.TemporaryDirectory() as folder:
        read = Path(folder) / "read"
        read.mkdir()
        start = time.perf_counter()
        for sample in test:
            tifffile.imwrite(read / f"{sample.name}.tif", segment_with_forest(forest, sample.image))
        seconds = time.perf_counter() - start
        scores = score(data_set, read, test)
    return scores | {"train_s": round(forest.seconds, 1), "segment_s": round(seconds, 1)}


def run_unet(
    data_set: DataSet, crops: list[Sample], test: list[Sample], seed: int, options: argparse.Namespace
) -> dict[str, object]:
    """Train and read with the network, from the shell; scores and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_images(root / "crops", crops)
        write_images(root / "test", test)
        write_labels(root / "labels", crops)
        model = root / "model.safetensors"
        start = time.perf_counter()
        call_shell(
            *("train", root / "crops", "--labels", root / "labels", "-o", model, "--start", "scratch"),
            *("--coding", data_set.coding, "--labels-are", data_set.labels_are),
            *("--minutes", options.minutes, "--seed", seed),
        )
        trained = time.perf_counter()
        call_shell("segment", root / "test", "-o", root / "read", "--model", model)
        segmented = time.perf_counter()
        scores = score(data_set, root / "read", test)
    return scores | {"train_s": round(trained - start, 1), "segment_s": round(segmented - trained, 1)}


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
        # Membranes of one pixel separate cells, so that cells are connected over edges only.
        test = [replace(sample, labels=label(sample.labels > 0, connectivity=1)) for sample in test]
    with tempfile.TemporaryDirectory() as folder:
        truth = Path(folder) / "truth"
        write_labels(truth, test)
        coding = ("--coding", "masks", "--labels-are", data_set.labels_are)
        mean = json.loads(call_shell("evaluate", read, truth, *coding, "--json"))["mean"]
    return {measure: round(mean[EVALUATE_NAMES.get(measure, measure)], 4) for measure in data_set.measures}


def describe_run(crops: list[Sample], test: list[Sample]) -> dict[str, object]:
    """What is needed to run the row again and to judge its times."""
    commit = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    )
    packages = ("napari-unet", "torch", "numpy", "scikit-image", "scikit-learn")
    return {
        "images": len(test),
        "crops": " ".join(crop.name[:12] for crop in crops),
        "date": datetime.date.today().isoformat(),
        "commit": commit.stdout.strip(),
        "machine": f"{platform.system()} {platform.machine()}, {processor_name()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
    }


def processor_name() -> str:
    """The processor's name and the number of cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {cores} cores"


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows that have been run."""
    if not path.exists():
        return []
    with path.open(newline="") as table:
        return list(csv.DictReader(table))


def append_row(path: Path, row: dict[str, object]) -> None:
    """Add one row at once, so that an interrupted benchmark goes on where it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("a", newline="") as table:
        writer = csv.DictWriter(table, COLUMNS, restval="")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


if __name__ == "__main__":
    main()
