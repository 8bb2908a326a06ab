"""Time the generator: images per second of one core, for every contrast.

Run ``python benchmarks/generator.py [--size 256] [--seconds 5]``; it prints a table in Markdown. What counts is the
processor's time of this process, so that what else the machine does disturbs little.
"""

import argparse
import time

import numpy as np

from napari_unet.synthetic import Contrast, draw_scene

REQUIRED = 5.0  # images of 256² per second and core, on average over the contrasts


def images_per_second(contrast: Contrast, size: int, seconds: float) -> tuple[float, float]:
    """Mean over random scenes, and the seconds of the slowest of them."""
    slowest, total, n = 0.0, 0.0, 0
    while total < seconds:
        begin = time.process_time()
        draw_scene(np.random.default_rng(n), (size, size), contrast)
        took = time.process_time() - begin
        slowest, total, n = max(slowest, took), total + took, n + 1
    return n / total, slowest


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256, help="side of the images in px")
    parser.add_argument("--seconds", type=float, default=5, help="processor's seconds per contrast")
    arguments = parser.parse_args()
    draw_scene(np.random.default_rng(0))  # loads what is loaded once
    print(f"Images of {arguments.size}² per second of one core\n")
    print("| contrast | images/s | slowest, s |\n|---|---:|---:|")
    means = []
    for contrast in Contrast:
        rate, slowest = images_per_second(contrast, arguments.size, arguments.seconds)
        means.append(1 / rate)
        print(f"| {contrast.value} | {rate:.1f} | {slowest:.2f} |", flush=True)
    average = len(means) / sum(means)
    print(f"| **all in turn** | **{average:.1f}** | |\n\nRequired: {REQUIRED:g} on average at 256².")


if __name__ == "__main__":
    main()
