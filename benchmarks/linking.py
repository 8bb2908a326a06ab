"""How well objects of planes are linked, against the exact truth of generated stacks and films.

Run ``python benchmarks/linking.py [--stacks 8] [--films 4]``; it prints two tables in Markdown. The objects of every
plane are those of the truth, each connected piece under a number of its own plane, in two qualities: *exact*, and
*rough*: of all objects 3 % are missing on a plane, 4 % are melted with a neighbour, planes are shifted by up to one
pixel, and half of the outlines' pixels are lost. A link joins an object to the next plane (or the one behind it) on
which the same cell is seen.
"""

import argparse
import itertools
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from napari_unet.objects.linking import Linked, LinkSettings, link_planes
from napari_unet.synthetic import draw_series, draw_stack

MISSING, MELTED = 0.03, 0.04
LEAST = (0.1, 0.3, 0.5, 0.7, 0.9)

Link = tuple[int, int, int, int]


@dataclass
class Case:
    """Planes of objects with numbers of their own, and which cell each of them is."""

    labels: np.ndarray
    owners: list[dict[int, int]]
    births: set[tuple[int, int]]  # frame and cell


def take_planes(truth: np.ndarray, rng: np.random.Generator, rough: bool) -> Case:
    """Forget which objects of two planes are one."""
    labels = np.zeros_like(truth)
    owners: list[dict[int, int]] = []
    for z, plane in enumerate(truth):
        pieces = [
            (ndimage.label(plane == cell)[0] == k, int(cell))
            for cell in np.unique(plane[plane > 0])
            for k in range(1, ndimage.label(plane == cell)[1] + 1)
        ]
        own = {}
        for number, (piece, cell) in zip(rng.permutation(len(pieces)) + 1, pieces, strict=True):
            if not rough or rng.random() >= MISSING:
                labels[z][piece] = number
                own[int(number)] = cell
        owners.append(own)
        if rough:
            labels[z] = roughen(labels[z], own, rng)
    return Case(labels, owners, set())


def roughen(labels: np.ndarray, own: dict[int, int], rng: np.random.Generator) -> np.ndarray:
    """Melt some objects with a neighbour, shift all, and fray the outlines; `own` follows."""
    for number in list(own):
        if rng.random() < MELTED:
            around = labels[ndimage.binary_dilation(labels == number, iterations=2)]
            beside = [int(k) for k in np.unique(around) if k not in (0, number)]
            if beside:
                labels[labels == number] = beside[0]
                del own[number]
    inner = ndimage.minimum_filter(labels, 3) == ndimage.maximum_filter(labels, 3)
    frayed = np.where(inner | (rng.random(labels.shape) < 0.5), labels, 0)
    shifted = ndimage.shift(frayed, rng.integers(-1, 2, 2), order=0)
    for number in set(own) - set(np.unique(shifted).tolist()):
        del own[number]
    return shifted


def links(owners: list[dict[int, int]], names: list[dict[int, int]]) -> set[Link]:
    """Return what is joined to what: plane, object, later plane, object there."""
    seen: dict[int, tuple[int, list[int]]] = {}
    found: set[Link] = set()
    for z, own in enumerate(owners):
        here: dict[int, list[int]] = {}
        for number in own:
            here.setdefault(names[z][number], []).append(number)
        for name, numbers in here.items():
            if name in seen and z - seen[name][0] <= 2:
                before, others = seen[name]
                found |= {(before, a, z, b) for a, b in itertools.product(others, numbers)}
            seen[name] = z, numbers
    return found


def names_of(linked: Linked) -> list[dict[int, int]]:
    """Return for every plane: its number → the shared one."""
    return [dict(zip(*(part.tolist() for part in found), strict=True)) for found in linked.numbers.values()]


def births_of(linked: Linked, case: Case) -> set[tuple[int, int]]:
    """Return frame and cell of every daughter that was found."""
    names = names_of(linked)
    found = set()
    for number, first, _, mother in linked.tracks.tolist():
        if mother:
            cells = [
                case.owners[first][k]
                for k, name in names[first].items()
                if name == number and k in case.owners[first]
            ]
            found |= {(first, cell) for cell in cells[:1]}
    return found


def tell(right: int, found: int, true: int) -> str:
    """Return recall and precision in per cent."""
    return f"{100 * right / max(true, 1):.1f} | {100 * right / max(found, 1):.1f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stacks", type=int, default=8, help="random stacks, seeds 0 and up")
    parser.add_argument("--films", type=int, default=4, help="random films, seeds 0 and up")
    arguments = parser.parse_args()
    scenes = [draw_stack(np.random.default_rng(seed), (16, 96, 96)) for seed in range(arguments.stacks)]
    films = [
        draw_series(np.random.default_rng(seed), 12, (128, 128), object_size=20, frames_per_life=10)
        for seed in range(arguments.films)
    ]
    print(
        "Links through depth, in per cent\n\n| planes | least overlap | recall | precision |\n|---|---:|---:|---:|"
    )
    for rough in (False, True):
        cases = [take_planes(s.labels, np.random.default_rng(100 + k), rough) for k, s in enumerate(scenes)]
        for least in LEAST:
            counts = np.zeros(3, int)
            for case in cases:
                linked = link_planes(
                    case.labels.__getitem__,
                    case.labels.shape[:1],
                    depth=0,
                    settings=LinkSettings(least_overlap=least),
                )
                counts += compare(case, linked)
            print(f"| {'rough' if rough else 'exact'} | {least:g} | {tell(*counts)} |", flush=True)
    print("\nLinks and daughters through time, in per cent\n")
    print(
        "| frames | least overlap | recall | precision | daughters found | daughters right |\n"
        "|---|---:|---:|---:|---:|---:|"
    )
    for rough in (False, True):
        cases = [take_planes(f.labels, np.random.default_rng(100 + k), rough) for k, f in enumerate(films)]
        for film, case in zip(films, cases, strict=True):
            case.births = {(int(first), int(cell)) for cell, first, _, mother in film.tracks if mother}
        for least in LEAST:
            counts, births = np.zeros(3, int), np.zeros(3, int)
            for case in cases:
                linked = link_planes(
                    case.labels.__getitem__,
                    case.labels.shape[:1],
                    time=0,
                    settings=LinkSettings(least_overlap_in_time=least),
                )
                counts += compare(case, linked)
                found = births_of(linked, case)
                births += [len(found & case.births), len(found), len(case.births)]
            print(
                f"| {'rough' if rough else 'exact'} | {least:g} | {tell(*counts)} | {tell(*births)} |",
                flush=True,
            )


def compare(case: Case, linked: Linked) -> np.ndarray:
    """Return how many links are right, found and true."""
    true, found = links(case.owners, case.owners), links(case.owners, names_of(linked))
    return np.array([len(true & found), len(found), len(true)])


if __name__ == "__main__":
    main()
