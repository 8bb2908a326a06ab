"""Time the weight map against the plain method, and one brush stroke against the whole map.

Run ``python benchmarks/weight_map.py``; it prints a Markdown table and fails when a requirement is missed.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from napari_unet.annotation.weight_map import LiveWeightMap, WeightMapSettings, border_term

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "annotation"))
from plain_weight_map import plain_border_term, scatter_discs

BRUSH_RADIUS = 10
N_STROKES = 50


def time_median(run: Callable[[], object], repeats: int) -> float:
    """Return the median duration in seconds."""
    durations = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        durations.append(time.perf_counter() - start)
    return float(np.median(durations))


def compare_whole(settings: WeightMapSettings) -> tuple[float, float, float]:
    """512² with 100 objects: seconds of the plain method and of ours, and the largest difference."""
    objects = scatter_discs(512, 100, np.random.default_rng(0))
    ours = border_term(objects, settings)
    plain = plain_border_term(objects, settings.w0, settings.sigma)
    return (
        time_median(lambda: plain_border_term(objects, settings.w0, settings.sigma), 3),
        time_median(lambda: border_term(objects, settings), 15),
        float(np.abs(ours - plain).max()),
    )


def compare_stroke(settings: WeightMapSettings) -> tuple[float, float, float, float]:
    """2048² with 2,000 objects: seconds of the whole map, median and longest of a stroke, largest
    difference."""
    rng = np.random.default_rng(0)
    objects = scatter_discs(2048, 2000, rng)
    whole = time_median(lambda: border_term(objects, settings), 3)
    live = LiveWeightMap(objects, settings)
    y, x = np.ogrid[-BRUSH_RADIUS : BRUSH_RADIUS + 1, -BRUSH_RADIUS : BRUSH_RADIUS + 1]
    brush = y**2 + x**2 <= BRUSH_RADIUS**2
    durations = []
    for value in rng.integers(1, 2001, N_STROKES):
        places = np.argwhere(objects == value)
        centre = np.clip(places[rng.integers(len(places))], BRUSH_RADIUS, 2047 - BRUSH_RADIUS)
        top, left = (int(c) for c in centre - BRUSH_RADIUS)
        box = objects[top : top + len(brush), left : left + len(brush)]
        box[brush] = value
        start = time.perf_counter()
        live.update(box, (top, left))
        durations.append(time.perf_counter() - start)
    difference = float(np.abs(live.border - border_term(objects, settings)).max())
    return whole, float(np.median(durations)), max(durations), difference


def main() -> None:
    """Print the table, and exit with 1 when a requirement is missed."""
    settings = WeightMapSettings.ronneberger2015()
    plain, ours, difference = compare_whole(settings)
    whole, stroke, longest, live_difference = compare_stroke(settings)
    print("| weight map | compared with | time | against | faster | largest difference | required |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| 512², 100 objects | plain method | {ours * 1e3:.1f} ms | {plain * 1e3:.0f} ms | "
        f"{plain / ours:.0f}× | {difference:.1e} | ≥ 50×, ≤ 1e-3 |"
    )
    print(
        f"| one stroke, 2048², 2,000 objects | the whole map | {stroke * 1e3:.1f} ms "
        f"(longest of {N_STROKES}: {longest * 1e3:.1f} ms) | {whole * 1e3:.0f} ms | "
        f"{whole / stroke:.0f}× | {live_difference:.1e} | ≥ 10×, < 30 ms |"
    )
    met = plain / ours >= 50 and difference <= 1e-3
    met &= whole / stroke >= 10 and stroke < 0.03 and live_difference <= 1e-3
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
