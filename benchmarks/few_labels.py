"""What few annotations are worth: crops by training time, from scratch and from the bundled network.

    python benchmarks/few_labels.py                                # all sets, crops, times, starts, three seeds: hours
    python benchmarks/few_labels.py --sets isbi2012_em --crops 4 --seconds 15 60 --seeds 0
    python benchmarks/few_labels.py --start without-colour.safetensors --sets dsb2018-colour   # weights of one's own
    python benchmarks/few_labels.py --report --curves benchmarks/out/few_labels.png

Every run is a row of benchmarks/out/few_labels.csv; runs that are there are not repeated. All goes through the
shell: `napari-unet train`, `segment`, `evaluate`. No time at all is the bundled network without training.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev

from few_crops_data import DATA_SETS, DataSet, Sample, draw_crops, read_test
from rows import add_options, append_row, describe_run, is_done, read_rows
from shell_loop import call_shell, run_unet, score, write_images

COLUMNS = [
    *("set", "start", "n_crops", "seconds", "seed", "limit", "images"),
    *("ap50", "f1", "mean_iou", "rand", "pixel_error", "train_s", "segment_s"),
    *("crops", "date", "commit", "machine", "versions"),
]


def main() -> None:
    """Read the options and run what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="+", choices=DATA_SETS, default=list(DATA_SETS))
    parser.add_argument("--crops", nargs="+", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--seconds", nargs="+", type=float, default=[0, 15, 60, 240])
    parser.add_argument("--start", nargs="+", default=["scratch", "bundled"], help="also model files")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--limit", type=int, help="score at most this many test images per set")
    add_options(parser, "few_labels")
    parser.add_argument("--curves", type=Path, help="with --report: draw the curves as PNG")
    options = parser.parse_args()
    if options.report:
        print(write_table(read_rows(options.out)))
        if options.curves:
            draw_curves(read_rows(options.out), options.curves)
        return
    for name in options.sets:
        data_set = DATA_SETS[name]
        if not data_set.is_there(options.data):
            print(f"{name}: skipped, its images are not in {options.data} (see --data).")
            continue
        test = read_test(data_set, options.data, options.limit)
        for seed in options.seeds:
            run_set(data_set, test, seed, options)


def run_set(data_set: DataSet, test: list[Sample], seed: int, options: argparse.Namespace) -> None:
    """Run what is missing of one set and seed, the short ones first."""
    for seconds in sorted(options.seconds):
        for n_crops in options.crops if seconds else [0]:
            for start in options.start:
                if not seconds and (start == "scratch" or data_set.labels_are == "classes" or seed):
                    continue  # nothing was learned, or no seed matters
                key = {"set": data_set.name, "start": Path(start).name, "n_crops": n_crops}
                key |= {"seconds": seconds, "seed": seed, "limit": options.limit or ""}
                if is_done(options.out, key):
                    continue
                crops = draw_crops(data_set, options.data, seed, n_crops) if n_crops else []
                if seconds:
                    scores = run_unet(data_set, crops, test, seed, seconds / 60, start)
                else:
                    scores = run_untrained(data_set, test, start)
                append_row(options.out, key | scores | describe_run(crops, test), COLUMNS)
                print(key, {measure: scores[measure] for measure in data_set.measures}, flush=True)


def run_untrained(data_set: DataSet, test: list[Sample], start: str) -> dict[str, object]:
    """Segment with a network as it is; scores and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_images(root / "test", test)
        begun = time.perf_counter()
        call_shell("segment", root / "test", "-o", root / "read", "--model", start)
        seconds = time.perf_counter() - begun
        return score(data_set, root / "read", test) | {"train_s": 0, "segment_s": round(seconds, 1)}


def write_table(rows: list[dict[str, str]]) -> str:
    """Mean ± spread over seeds, a line per set, measure, start and number of crops, a column per time."""
    times = sorted({float(row["seconds"]) for row in rows})
    lines = ["| set | measure | start | crops | " + " | ".join(f"{t:g} s" for t in times) + " |"]
    lines.append("|" + "---|" * (4 + len(times)))
    for name, data_set in DATA_SETS.items():
        for measure in data_set.measures:
            for start, n_crops in sorted({(r["start"], int(r["n_crops"])) for r in rows if r["set"] == name}):
                cells = [write_mean(values_of(rows, name, measure, start, n_crops, t)) for t in times]
                lines.append(f"| {name} | {measure} | {start} | {n_crops} | {' | '.join(cells)} |")
    return "\n".join(lines) if len(lines) > 2 else "Nothing has been run yet."


def values_of(
    rows: list[dict[str, str]], name: str, measure: str, start: str, n_crops: int, seconds: float
) -> list[float]:
    """The scores of all seeds of one kind of run."""
    return [
        float(row[measure])
        for row in rows
        if (row["set"], row["start"]) == (name, start)
        and (int(row["n_crops"]), float(row["seconds"])) == (n_crops, seconds)
    ]


def write_mean(values: list[float]) -> str:
    """Mean ± spread, as far as there are any."""
    if not values:
        return "–"
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")


def draw_curves(rows: list[dict[str, str]], path: Path) -> None:
    """Draw each set's first measure over the training time, a line per start and number of crops."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    sets = [name for name in DATA_SETS if any(row["set"] == name for row in rows)]
    figure, panels = pyplot.subplots(1, len(sets), figsize=(4 * len(sets), 3.5), squeeze=False)
    for panel, name in zip(panels[0], sets, strict=True):
        measure = next(iter(DATA_SETS[name].measures))
        for start, n_crops in sorted({(r["start"], int(r["n_crops"])) for r in rows if r["set"] == name}):
            points = [
                (seconds, mean(values))
                for seconds in sorted({float(row["seconds"]) for row in rows})
                if (values := values_of(rows, name, measure, start, n_crops, seconds))
            ]
            style = "--" if start == "scratch" else "-"
            panel.plot(*zip(*points, strict=True), style, marker="o", label=f"{start}, {n_crops} crops")
        panel.set_title(name)
        panel.set_xlabel("training (s)")
        panel.set_ylabel(measure)
        panel.set_xscale("symlog", linthresh=15)
        panel.legend(fontsize=6)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
