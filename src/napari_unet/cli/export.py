"""``napari-unet export``: objects of label images in the formats of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_unet.annotation.coding import without_background
from napari_unet.cli.console import bytes_of, progress_bar, tell
from napari_unet.errors import UserError
from napari_unet.formats.annotations import read_foreign_labels
from napari_unet.formats.exports import ENDINGS, Format, Objects, export, format_of
from napari_unet.formats.images import ImageFile, find_images, find_labels, name_of, pair_by_name, read_image
from napari_unet.formats.outputs import choose_outputs
from napari_unet.formats.paths import ROI_ENDINGS


def export_objects(
    labels: Annotated[
        list[Path], typer.Argument(help="Label images or ImageJ ROI zips, folders or patterns.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write; a folder for several.")],
    to: Annotated[
        Format | None,
        typer.Option(
            "--to",
            help="What to write; by the ending of the output where nothing is said.",
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(
            "--image", help="The images: their names go into COCO, their sizes are needed for ROI zips."
        ),
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
    """Write objects for ImageJ, QuPath, OMERO or machine learning; pixels and outlines stay exactly as they are."""
    from napari_unet.workflow.blocks.label_files import export_in_parts, labels_in_parts

    most = bytes_of(memory)
    found = find_labels(labels)
    what = to or format_of(output)
    targets = choose_outputs(labels, found, output, ENDINGS[what])
    image_of = dict[Path, Path]()
    if images:
        image_of = {
            path: image for image, path in pair_by_name(find_images(images), found, every_image=False)
        }
    with progress_bar() as progress:
        for path, target in progress.track(list(zip(found, targets, strict=True)), description="Exporting"):
            large = labels_in_parts(path, most, background)
            if large is not None:
                name = (image_of.get(path) or path).name
                for sentence in export_in_parts(large, target, what, name, whole_only):
                    tell(f"{path.name}: {sentence}")
            else:
                read, name = _read(path, image_of.get(path))
                array = without_background(read.array, background)
                objects = Objects(array, name, read.axes, read.pixel_size_um)
                export(objects.without_cut() if whole_only else objects, target, what)
            progress.console.print(str(target), highlight=False, soft_wrap=True, markup=False)


def _read(path: Path, image_path: Path | None) -> tuple[ImageFile, str]:
    """Return labels, and the name of their image."""
    if path.suffix.lower() not in ROI_ENDINGS:
        return read_foreign_labels(path, (), "")[0], image_path.name if image_path else path.name
    if image_path is None:
        raise UserError(f"{path} does not say how large the image is; give the image with --image.")
    image = read_image(image_path)
    axes = "".join(axis for axis in image.axes if axis not in "CS")
    shape = tuple(image.array.shape[image.axes.index(axis)] for axis in axes)
    read, sentence = read_foreign_labels(path, shape, axes)
    if sentence:
        tell(f"{path.name}: {sentence}")
    return ImageFile(name_of(path), read.array, axes, image.pixel_size_um, rgb=False), image_path.name
