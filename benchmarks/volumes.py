"""Objects of stacks from five annotated planes: a network of volumes beside one of planes whose objects are linked.

Generated stacks have exact truth. Both networks begin with the bundled one, learn from the same five planes in
equally many steps, and are asked for the objects of the whole stack:

    python benchmarks/volumes.py --seeds 0 1 2 --steps 100
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from napari_unet.network.bundled import bundled_for
from napari_unet.network.training import TrainingSettings
from napari_unet.objects.linking import LinkSettings, link_planes
from napari_unet.objects.measures import match, merges_and_splits
from napari_unet.synthetic.scene import Contrast
from napari_unet.synthetic.stacks import StackScene, draw_stack
from napari_unet.workflow import AnnotatedImage, Stack, segment_image, segment_volume, train_model

SHAPE = (24, 144, 144)
ANISOTROPY = 3.5
OBJECT_SIZE = 24.0
FEWEST_OBJECTS = 25
Labels = np.ndarray


def draw(seed: int) -> StackScene:
    """A stack of nuclei, the first from this seed on that holds enough of them."""
    for k in range(1000):
        scene = draw_stack(
            np.random.default_rng([seed, k]), SHAPE, Contrast.NUCLEI, OBJECT_SIZE, anisotropy=ANISOTROPY
        )
        if scene.labels.max() >= FEWEST_OBJECTS:
            return scene
    raise RuntimeError("no seed gives enough objects")


def annotate(scene: StackScene, n: int) -> list[AnnotatedImage]:
    """Planes evenly spread through the stack, of which all is painted."""
    image = scene.image[None]

    def read(first: int, end: int) -> np.ndarray:
        return image[:, first:end]

    numbers = np.linspace(0, len(scene.image), n + 2).astype(int)[1:-1]
    step = scene.spacing[0]
    return [
        AnnotatedImage(
            f"stack {z}",
            image[:, z],
            scene.labels[z] + 1,
            picture="stack",
            stack=Stack("stack", int(z), len(scene.image), read, step),
        )
        for z in numbers
    ]


def train_planes(planes: list[AnnotatedImage], scene: StackScene, steps: int, seed: int) -> Labels:
    """Planes one by one, then linked by the overlap that gives most objects right: the best that linking can."""
    trained = train_model(planes, _settings(steps, seed, 2), start=bundled_for(1))
    labels = np.stack([segment_image(trained.model, plane[None]).labels for plane in scene.image])
    best, best_score = labels, -1.0
    for least in (0.3, 0.5, 0.7):
        linked = link_planes(
            lambda z: labels[z[0]], (len(labels),), depth=0, settings=LinkSettings(least_overlap=least)
        )
        volume = np.stack([linked.apply((z,), plane) for z, plane in enumerate(labels)])
        score = match(volume, scene.labels, 0.5).f1
        if score > best_score:
            best, best_score = volume, score
    return best


def train_volumes(planes: list[AnnotatedImage], scene: StackScene, steps: int, seed: int) -> Labels:
    """The network of volumes, begun from the bundled one."""
    trained = train_model(planes, _settings(steps, seed, 3), start=bundled_for(1))
    return segment_volume(trained.model, scene.image[None]).labels


def train_volumes_from_scratch(
    planes: list[AnnotatedImage], scene: StackScene, steps: int, seed: int
) -> Labels:
    """The network of volumes, begun from random weights."""
    trained = train_model(planes, _settings(steps, seed, 3))
    return segment_volume(trained.model, scene.image[None]).labels


METHODS: dict[str, Callable[[list[AnnotatedImage], StackScene, int, int], Labels]] = {
    "planes, linked": train_planes,
    "volume": train_volumes,
    "volume from scratch": train_volumes_from_scratch,
}


def _settings(steps: int, seed: int, dimensions: int) -> TrainingSettings:
    chosen = {"steps": steps, "minutes": None, "seed": seed, "dimensions": dimensions, "early_stop": False}
    return TrainingSettings.model_validate({**chosen, "device": "cpu", "threads": 1})


def main() -> None:
    """Print a row for each seed and method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--planes", type=int, default=5)
    parser.add_argument("--methods", nargs="+", default=list(METHODS)[:2], choices=METHODS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| seed | objects | method | F1 | AP 0.5 | AP 0.7 | joined | cut | processor s |")
    print("|---|---:|---|---:|---:|---:|---:|---:|---:|", flush=True)
    for seed in options.seeds:
        scene = draw(seed)
        planes = annotate(scene, options.planes)
        for method in options.methods:
            start = time.process_time()
            labels = METHODS[method](planes, scene, options.steps, seed)
            seconds = time.process_time() - start
            half, strict = (match(labels, scene.labels, level) for level in (0.5, 0.7))
            joined, cut = merges_and_splits(labels, scene.labels)
            print(
                f"| {seed} | {scene.labels.max()} | {method} | {half.f1:.2f} | {half.ap:.2f} | {strict.ap:.2f} | "
                f"{joined} | {cut} | {seconds:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
