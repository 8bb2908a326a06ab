"""From four annotated crops and two minutes of training: the network beside a random forest, on four sets.

    python benchmarks/few_crops.py                    # all sets, three seeds, all methods
    python benchmarks/few_crops.py --sets axon_sem --seeds 0 --methods scratch --limit 2
    python benchmarks/few_crops.py --report           # mean and spread of what has been run, as Markdown

Every run is a row of benchmarks/out/few_crops.csv; runs that are there are not repeated. The network is
used as a user uses it from a shell: `napari-unet train`, then `napari-unet segment`; it starts from the bundled
weights, as it does unless told otherwise, or from scratch. Label images of all are measured by
`napari-unet evaluate`. The bundled weights have seen other images of dsb2018 and axon_sem, none of isbi2012_em.
"""

import argparse
import tempfile
import time
from pathlib import Path

import tifffile

from few_crops_data import DATA_SETS, DataSet, Sample, draw_crops, read_test
from few_crops_report import write_report
from rows import add_options, append_row, describe_run, is_done, read_rows
from shell_loop import run_unet, score

METHODS = ["bundled", "scratch", "forest"]  # the first two as for `napari-unet train --start`

COLUMNS = [
    *("set", "method", "seed", "minutes", "limit", "images", "ap50", "f1", "mean_iou", "rand", "pixel_error"),
    *("train_s", "segment_s", "crops", "date", "commit", "machine", "versions"),
]


def main() -> None:
    """Read the options, run what is missing, print each row as it is made."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=DATA_SETS, default=list(DATA_SETS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=2.0, help="training time of the network")
    parser.add_argument("--limit", type=int, help="score at most this many test images per set")
    parser.add_argument("--jobs", type=int, default=2, help="processor cores for the forest")
    add_options(parser, "few_crops")
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
                minutes = 0.0 if method == "forest" else options.minutes
                key = {
                    "set": name,
                    "method": method,
                    "seed": seed,
                    "minutes": minutes,
                    "limit": options.limit or "",
                }
                if is_done(options.out, key):
                    print(f"{name}, {method}, seed {seed}: is there already.")
                    continue
                if method == "forest":
                    scores = run_forest(data_set, crops, test, seed, options.jobs)
                else:
                    scores = run_unet(data_set, crops, test, seed, minutes, start=method)
                row = key | scores | describe_run(crops, test)
                append_row(options.out, row, COLUMNS)
                print(f"{name}, {method}, seed {seed}:", {k: row[k] for k in data_set.measures}, flush=True)


def run_forest(
    data_set: DataSet, crops: list[Sample], test: list[Sample], seed: int, jobs: int
) -> dict[str, object]:
    """Train and read with the random forest; scores and seconds."""
    from few_crops_forest import segment_with_forest, train_forest

    forest = train_forest(data_set, crops, seed, jobs)
    with tempfile.TemporaryDirectory() as folder:
        read = Path(folder) / "read"
        read.mkdir()
        start = time.perf_counter()
        for sample in test:
            tifffile.imwrite(read / f"{sample.name}.tif", segment_with_forest(forest, sample.image))
        seconds = time.perf_counter() - start
        scores = score(data_set, read, test)
    return scores | {"train_s": round(forest.seconds, 1), "segment_s": round(seconds, 1)}


if __name__ == "__main__":
    main()
