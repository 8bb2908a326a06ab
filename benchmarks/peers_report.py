"""What `peers.py` has measured beside the U-Net and the random forest, as a Markdown table."""

from statistics import mean, stdev

from few_crops_data import DATA_SETS

Rows = list[dict[str, str]]

BUNDLED_SECONDS = 60.0  # from the bundled network, beside the peers' longer time
N_CROPS = 4


def write_report(peers: Rows, unet: Rows, forest: Rows, seconds: float) -> str:
    """A line per set and measure, all test images: mean ± spread over seeds of every method that was run.

    `unet` are rows of few_labels.csv, `forest` of few_crops.csv; the peers and the U-Net from scratch trained
    for `seconds`.
    """
    columns = {
        "random forest": pick(forest, method="forest"),
        "StarDist": pick(peers, peer="stardist", seconds=seconds),
        "Cellpose 3": pick(peers, peer="cellpose", seconds=seconds),
        f"U-Net from scratch, {seconds:g} s": pick(unet, start="scratch", seconds=seconds, n_crops=N_CROPS),
        f"U-Net from the bundle, {BUNDLED_SECONDS:g} s": pick(
            unet, start="bundled", seconds=BUNDLED_SECONDS, n_crops=N_CROPS
        ),
    }
    lines = ["| set | measure | " + " | ".join(columns) + " |", "|" + "---|" * (2 + len(columns))]
    for name, data_set in DATA_SETS.items():
        for measure, direction in data_set.measures.items():
            values = [
                [float(row[measure]) for row in rows if row["set"] == name and row.get(measure)]
                for rows in columns.values()
            ]
            if any(values):
                better = measure if direction > 0 else f"{measure} (less is better)"
                lines.append(f"| {name} | {better} | {' | '.join(map(write_mean, values))} |")
    if len(lines) == 2:
        return "Nothing has been run yet."
    described = sorted({f"- {row['machine']}; {row['versions']}; commit {row['commit']}" for row in peers})
    note = f"Mean ± standard deviation over seeds; the peers trained {seconds:g} s."
    return "\n".join([*lines, "", note, "", *described])


def pick(rows: Rows, **wanted: object) -> Rows:
    """The rows of full runs (all test images) whose columns have these values; numbers are compared as such."""
    return [row for row in rows if not row["limit"] and all(equals(row[k], v) for k, v in wanted.items())]


def equals(text: str, value: object) -> bool:
    """Whether a cell of the table holds the value: "240.0" is 240."""
    return float(text) == value if isinstance(value, int | float) else text == value


def write_mean(values: list[float]) -> str:
    """Mean ± spread, as far as there are any."""
    if not values:
        return "–"
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")
