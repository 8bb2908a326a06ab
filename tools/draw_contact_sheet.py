"""Draw a sheet of generated images, a row per contrast, to be judged by eye.

    python tools/draw_contact_sheet.py sheet.png [--contrasts nuclei DIC] [--columns 8] [--size 192] [--outlines]
    python tools/draw_contact_sheet.py sheet.png --beside DATA

With ``--beside`` rows of crops of real images follow, as far as the folder DATA has them: ``dsb2018/train``
(with ``dsb2018/groups.csv``), ``axon_sem/images``, ``isbi2012_em/images``, and any other folder of images.
"""

import argparse
import csv
from pathlib import Path

import imageio.v3 as iio
import numpy as np
from skimage.segmentation import find_boundaries
from skimage.transform import resize

from napari_unet.synthetic import Contrast, draw_scene

GAP = 4
SUFFIXES = {".png", ".tif", ".tiff", ".jpg"}


def main() -> None:
    """Draw, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--contrasts", nargs="+", type=Contrast, default=list(Contrast))
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--size", type=int, default=192, help="side of a crop in px")
    parser.add_argument("--object-size", type=float, help="median diameter in px; drawn by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--outlines", action="store_true", help="draw the truth's outlines")
    parser.add_argument("--beside", type=Path, metavar="DATA", help="folder with real images")
    arguments = parser.parse_args()
    rows = [generated(contrast, arguments) for contrast in arguments.contrasts]
    if arguments.beside:
        rows += real(arguments.beside, arguments.columns, arguments.size, arguments.seed)
    iio.imwrite(arguments.output, np.concatenate([np.concatenate(row, axis=1) for row in rows]))


def generated(contrast: Contrast, arguments: argparse.Namespace) -> list[np.ndarray]:
    """One row of generated images, as framed RGB."""
    tiles = []
    for column in range(arguments.columns):
        rng = np.random.default_rng((arguments.seed, column, list(Contrast).index(contrast)))
        scene = draw_scene(rng, (arguments.size, arguments.size), contrast, arguments.object_size)
        rgb = as_rgb(scene.image)
        if arguments.outlines:
            rgb[find_boundaries(scene.labels, mode="inner")] = (255, 220, 0)
        tiles.append(framed(rgb))
    return tiles


def as_rgb(image: np.ndarray) -> np.ndarray:
    """(C, Y, X) from 0 to 1 as (Y, X, 3) uint8; of two stains the first is green and the second magenta."""
    if len(image) == 2:
        image = np.stack([image[1], image[0], image[1]])
    image = np.broadcast_to(image, (3, *image.shape[1:]))
    return np.rint(np.moveaxis(image, 0, -1) * 255).astype(np.uint8)


def framed(tile: np.ndarray) -> np.ndarray:
    """A white edge at the right and below."""
    return np.pad(tile, ((0, GAP), (0, GAP), (0, 0)), constant_values=255)


def real(data: Path, columns: int, size: int, seed: int) -> list[list[np.ndarray]]:
    """Rows of crops of real images."""
    rows = []
    for name, files in sorted(real_files(data).items()):
        rng = np.random.default_rng((seed, len(name)))
        chosen = rng.choice(len(files), columns, replace=len(files) < columns)
        rows.append([framed(crop(iio.imread(files[i]), size, rng, name)) for i in chosen])
    return rows


def real_files(data: Path) -> dict[str, list[Path]]:
    """Images by folder; those of `dsb2018` by the group that its table names."""
    groups: dict[str, list[Path]] = {}
    table = data / "dsb2018" / "groups.csv"
    group_of = {}
    if table.exists():
        with table.open(newline="") as file:
            group_of = {row["id"]: row["group"] for row in csv.DictReader(file)}
    for file in sorted(data.rglob("*")):
        if file.suffix.lower() in SUFFIXES and not {"labels", "masks", "test"} & set(file.parts):
            place = file.relative_to(data).parts[0]
            groups.setdefault(f"{place} {group_of.get(file.stem, '')}", []).append(file)
    return groups


def crop(image: np.ndarray, size: int, rng: np.random.Generator, name: str) -> np.ndarray:
    """A random crop, in grey or RGB, stretched to 8 bits; the large images of electron microscopes at half size."""
    image = image[..., None] if image.ndim == 2 else image
    image = image[..., :3] if image.shape[-1] >= 3 else image[..., :1]
    scale = 2 if "axon" in name and min(image.shape[:2]) > 2 * size else 1
    side = min(size * scale, *image.shape[:2])
    y, x = (int(rng.integers(0, n - side + 1)) for n in image.shape[:2])
    part = resize(image[y : y + side, x : x + side].astype(float), (size, size), anti_aliasing=True)
    part = part / max(part.max(), 1e-6)
    return np.rint(np.broadcast_to(part, (size, size, 3)) * 255).astype(np.uint8)


if __name__ == "__main__":
    main()
