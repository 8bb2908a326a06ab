"""Mean and spread over seeds of what `few_crops.py` has run, as a Markdown table."""

from statistics import mean, stdev

from few_crops_data import DATA_SETS

Rows = list[dict[str, str]]


def write_report(rows: Rows) -> str:
    """One line per set and measure: both methods, and whether the network is far enough ahead."""
    lines = [
        "| set | measure | U-Net | random forest | ahead by | twice the spread | holds |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, data_set in DATA_SETS.items():
        for measure, direction in data_set.measures.items():
            lines += compare([row for row in rows if row["set"] == name], name, measure, direction)
    if len(lines) == 2:
        return "Nothing has been run yet."
    note = "Mean ± standard deviation over seeds; the spread is the larger. Less is better for pixel_error."
    described = sorted({f"- {row['machine']}; {row['versions']}; commit {row['commit']}" for row in rows})
    return "\n".join([*lines, "", note, "", *described])


def compare(rows: Rows, name: str, measure: str, direction: int) -> list[str]:
    """The lines of one set and measure, one for every training time and number of images that was run."""
    lines = []
    for limit in sorted({row["limit"] for row in rows}):
        same = [row for row in rows if row["limit"] == limit]
        forest = [float(row[measure]) for row in same if row["method"] == "forest"]
        for minutes in sorted({row["minutes"] for row in same if row["method"] == "unet"}) or [""]:
            unet = [
                float(row[measure]) for row in same if row["method"] == "unet" and row["minutes"] == minutes
            ]
            what = name + (f", {minutes} min" if minutes else "") + (f", {limit} images" if limit else "")
            lines.append(write_line(what, measure, direction, unet, forest))
    return lines


def write_line(name: str, measure: str, direction: int, unet: list[float], forest: list[float]) -> str:
    """One line of the table; the comparison needs two seeds of each method."""
    verdict = "– | – | –"
    if min(len(unet), len(forest)) > 1:
        ahead = direction * (mean(unet) - mean(forest))
        needed = 2 * max(stdev(unet), stdev(forest))
        verdict = f"{ahead:+.3f} | {needed:.3f} | {'yes' if ahead > needed else '**no**'}"
    return f"| {name} | {measure} | {write_mean(unet)} | {write_mean(forest)} | {verdict} |"


def write_mean(values: list[float]) -> str:
    """Mean ± spread and the number of seeds, as far as there are any."""
    if not values:
        return "–"
    spread = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.3f}{spread} (n = {len(values)})"
