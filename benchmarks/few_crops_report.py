"""Mean and spread over seeds of what `few_crops.py` has run, as a Markdown table."""

from statistics import mean, stdev

from few_crops_data import DATA_SETS

Rows = list[dict[str, str]]


def write_report(rows: Rows) -> str:
    """One line per set, measure and start of the network, and whether it is far enough ahead of the forest."""
    lines = [
        "| set | measure | starts from | U-Net | random forest | ahead by | 2 × its spread | 2 × the larger spread |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, data_set in DATA_SETS.items():
        for measure, direction in data_set.measures.items():
            lines += compare([row for row in rows if row["set"] == name], name, measure, direction)
    if len(lines) == 2:
        return "Nothing has been run yet."
    note = "Mean ± standard deviation over seeds. Less is better for pixel_error."
    described = sorted({f"- {row['machine']}; {row['versions']}; commit {row['commit']}" for row in rows})
    return "\n".join([*lines, "", note, "", *described])


def compare(rows: Rows, name: str, measure: str, direction: int) -> list[str]:
    """The lines of one set and measure: for every start, training time and number of images that was run."""
    lines = []
    for limit in sorted({row["limit"] for row in rows}):
        same = [row for row in rows if row["limit"] == limit]
        forest = [float(row[measure]) for row in same if row["method"] == "forest"]
        network = sorted({(row["method"], row["minutes"]) for row in same if row["method"] != "forest"})
        for start, minutes in network or [("–", "")]:
            unet = [
                float(row[measure]) for row in same if (row["method"], row["minutes"]) == (start, minutes)
            ]
            what = name + (f", {minutes} min" if minutes else "") + (f", {limit} images" if limit else "")
            lines.append(write_line(f"{what} | {measure} | {start}", direction, unet, forest))
    return lines


def write_line(what: str, direction: int, unet: list[float], forest: list[float]) -> str:
    """One line of the table; the comparison needs two seeds of each method."""
    verdict = "– | – | –"
    if min(len(unet), len(forest)) > 1:
        ahead = direction * (mean(unet) - mean(forest))
        needed = [2 * stdev(unet), 2 * max(stdev(unet), stdev(forest))]
        verdict = f"{ahead:+.3f} | " + " | ".join(
            f"{one:.3f} {'yes' if ahead > one else '**no**'}" for one in needed
        )
    return f"| {what} | {write_mean(unet)} | {write_mean(forest)} | {verdict} |"


def write_mean(values: list[float]) -> str:
    """Mean ± spread and the number of seeds, as far as there are any."""
    if not values:
        return "–"
    spread = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
    return f"{mean(values):.3f}{spread} (n = {len(values)})"
