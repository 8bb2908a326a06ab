"""``napari-unet measure``: sizes, shapes and intensities of the objects of label images, in one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from napari_unet.annotation.coding import without_background
from napari_unet.cli.console import bytes_of, progress_bar, tell
from napari_unet.errors import UserError
from napari_unet.formats.images import (
    ImageFile,
    find_images,
    name_of,
    pair_by_name,
    planes,
    read_image,
    read_labels,
)
from napari_unet.formats.tables import write_table

if TYPE_CHECKING:
    from napari_unet.formats.lazy_stacks import LazyStack

ENDINGS = (".csv", ".parquet")


def measure(
    labels: Annotated[list[Path], typer.Argument(help="Label images, folders or patterns (0 background).")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Table to write: .csv or .parquet.")],
    images: Annotated[
        list[Path] | None,
        typer.Option(
            "--image", help="The images of the same names, for intensities; a file, folder or pattern."
        ),
    ] = None,
    pixel_size: Annotated[
        float | None, typer.Option(help="Width of a pixel in µm, where the files don't say it.")
    ] = None,
    background: Annotated[
        int | None,
        typer.Option(help="A value that is background in the labels, beside 0: ilastik has such."),
    ] = None,
    whole_only: Annotated[
        bool, typer.Option("--whole-only", help="Leave out objects that the image's edge cuts.")
    ] = False,
    memory: Annotated[
        float | None,
        typer.Option(help="GB that one label image may take; what needs more is read part by part."),
    ] = None,
) -> None:
    """Write one line per object: area, diameter, shape, place, intensities; in µm too where the pixel size is known."""
    if output.suffix.lower() not in ENDINGS:
        raise UserError(f"A table ends in .csv or .parquet; write it to {output.with_suffix('.csv')}.")
    if pixel_size is not None and not pixel_size > 0:
        raise UserError(f"--pixel-size must be above 0; it is {pixel_size}.")
    from napari_unet.workflow.blocks.label_files import labels_in_parts

    most = bytes_of(memory)
    found = find_images(labels)
    image_of = dict[Path, Path]()
    if images:
        image_of = {
            path: image for image, path in pair_by_name(find_images(images), found, every_image=False)
        }
    tables = []
    with progress_bar() as progress:
        for path in progress.track(found, description="Measuring"):
            large = labels_in_parts(path, most, background)
            if large is None:
                tables.append(_measure(path, image_of.get(path), pixel_size, whole_only, background))
            else:
                tables.append(_measure_in_parts(path, large, image_of.get(path), pixel_size, whole_only))
    table = join_tables(tables)
    if not table:
        raise UserError("There is no object in these label images, so there is no table to write.")
    write_table(output, table)
    typer.echo(f"{output}: {len(table['label'])} objects of {len(found)} image(s)")


def _measure(
    path: Path,
    image_path: Path | None,
    pixel_size_um: float | None,
    whole_only: bool,
    background: int | None,
) -> dict[str, NDArray[Any]]:
    from napari_unet.objects.tables import measure_planes, without_cut_objects

    read = read_labels(path)
    labels, grey = without_background(read.array, background), None
    if image_path is not None:
        image = read_image(image_path)
        grey = dict(planes(image.array, image.axes))
        _check_sizes(path, read, image_path, grey)
        pixel_size_um = pixel_size_um or image.pixel_size_um
    order = [axis for axis in read.axes if axis not in "YX"]
    labels = np.moveaxis(labels, [read.axes.index(axis) for axis in (*order, "Y", "X")], range(labels.ndim))
    if whole_only:
        labels = without_cut_objects(labels)
    table = measure_planes(
        labels, lambda plane: grey[plane] if grey else None, pixel_size_um or read.pixel_size_um
    )
    if not table:
        return {}
    return {"image": np.full(table["label"].size, name_of(image_path or path), object), **table}


def _check_sizes(
    path: Path, labels: ImageFile, image_path: Path, grey: dict[tuple[int, ...], NDArray[Any]]
) -> None:
    expected = {index: plane.shape[-2:] for index, plane in planes(labels.array, labels.axes)}
    if expected != {index: plane.shape[-2:] for index, plane in grey.items()}:
        raise _differ(path, image_path)


def _differ(path: Path, image_path: Path) -> UserError:
    return UserError(f"{path} and {image_path} differ in size; labels and their image must have the same.")


def _measure_in_parts(
    path: Path, labels: LazyStack, image_path: Path | None, pixel_size_um: float | None, whole_only: bool
) -> dict[str, NDArray[Any]]:
    """Measure labels that memory does not hold."""
    from napari_unet.formats.lazy_stacks import open_stack
    from napari_unet.workflow.blocks.label_files import measure_in_parts

    image = None if image_path is None else open_stack(image_path)
    if image is not None and image_path is not None:
        first = next(image.indices())
        if (*image.plane_shape, *image.plane(first).shape[1:]) != labels.array.shape:
            raise _differ(path, image_path)
    size = pixel_size_um or (image.pixel_size_um if image is not None else None) or labels.pixel_size_um
    table, sentences = measure_in_parts(labels, image, size, whole_only)
    for sentence in sentences:
        tell(f"{path.name}: {sentence}")
    if not table:
        return {}
    return {"image": np.full(table["label"].size, name_of(image_path or path), object), **table}


def join_tables(tables: list[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Put tables under one another; what one does not have (a channel, µm) is empty there."""
    tables = [table for table in tables if table]
    names = list(dict.fromkeys(name for table in tables for name in table))
    joined = {}
    for name in names:
        parts = [table[name] if name in table else np.full(len(table["label"]), np.nan) for table in tables]
        joined[name] = np.concatenate(parts)
    return joined
