"""How near prediction comes to the limit of the machine: the speed of its float32 matrix product.

    python benchmarks/prediction_speed.py [--size 512] [--widths 16 24 32] [--depths 3 4] [--threads 1 2]

Prints a table in Markdown. Times are of the whole `predict` call: folding, reading, network, softmax. All is
measured in turns and the best turn counts, so that what else the machine does disturbs all rows alike. On a
busy machine compare the processor's seconds of one thread: they leave out the waiting for others.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from napari_unet.network.device import is_bfloat16_faster
from napari_unet.network.prediction import predict
from napari_unet.network.unet import UNet, laptop, n_parameters

PRODUCT = 2048
COLUMNS = (
    "threads",
    "width",
    "depth",
    "parameters",
    "numbers",
    "GFLOP",
    "seconds",
    "processor's seconds",
    "GFLOP/s",
    "share of the product's",
    "by processor's seconds",
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512, help="side of the image in px")
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 24, 32])
    parser.add_argument("--depths", type=int, nargs="+", default=[3, 4])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()

    rng = np.random.default_rng(0)
    image = rng.normal(size=(1, arguments.size, arguments.size)).astype(np.float32)
    networks = [make_network(width, depth) for width in arguments.widths for depth in arguments.depths]
    a, b = torch.randn(PRODUCT, PRODUCT), torch.randn(PRODUCT, PRODUCT)
    work: list[Callable[[], object]] = [partial(torch.matmul, a, b)]
    precisions = ["float32", "auto"] if is_bfloat16_faster(torch.device("cpu")) else ["float32"]
    cases = [(network, precision) for network in networks for precision in precisions]
    work += [partial(predict, net, image, device="cpu", precision=precision) for net, precision in cases]
    flops = [count_operations(task) for task in work]
    names = [f"{PRODUCT}³ product | | |"]
    names += [
        f"{net.config.width} | {net.config.depth} | {n_parameters(net):,} | "
        f"{'bfloat16' if precision == 'auto' else precision}"
        for net, precision in cases
    ]

    print(
        f"torch {torch.__version__}, image {arguments.size} × {arguments.size}, best of {arguments.repeats}\n"
    )
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|{'---:|' * len(COLUMNS)}")
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        seconds = best_seconds(work, arguments.repeats)
        for name, flop, taken in zip(names, flops, seconds, strict=True):
            shares = [
                flop / own / (flops[0] / limit) for own, limit in zip(taken, seconds[0], strict=True)
            ]  # of the matrix product's speed: by the clock, by the processor
            figures = f"{flop / 1e9:.1f} | {taken[0]:.3f} | {taken[1]:.3f} | {flop / taken[0] / 1e9:.0f}"
            print(f"| {threads} | {name} | {figures} | {shares[0]:.0%} | {shares[1]:.0%} |", flush=True)


def make_network(width: int, depth: int) -> UNet:
    """Make the default network with another width and depth."""
    return UNet(laptop().model_copy(update={"width": width, "depth": depth}))


def count_operations(task: Callable[[], object]) -> float:
    """Count the multiplications and additions of a task's matrix products and convolutions."""
    with FlopCounterMode(display=False) as counter:
        task()
    return float(counter.get_total_flops())


def best_seconds(work: list[Callable[[], object]], repeats: int) -> list[tuple[float, float]]:
    """Time every task in turns, by the clock and by the processor; the first, untimed turn warms up."""
    taken: list[list[tuple[float, float]]] = [[] for _ in work]
    for turn in range(repeats + 1):
        for task, turns in zip(work, taken, strict=True):
            wall, processor = time.perf_counter(), time.process_time()
            task()
            if turn:
                turns.append((time.perf_counter() - wall, time.process_time() - processor))
    return [(min(wall for wall, _ in turns), min(own for _, own in turns)) for turns in taken]


if __name__ == "__main__":
    main()
