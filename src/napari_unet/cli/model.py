"""``napari-unet model``: a network as ONNX, as a package for the BioImage Model Zoo, or from there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_unet.errors import UserError
from napari_unet.formats.images import match_channels, planes, read_image

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model

ENDINGS = (".zip", ".onnx", ".safetensors")


def model(
    network: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="Model file (.safetensors), package of the zoo (.zip), or bundled."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help=".zip: a package for the zoo; .onnx; .safetensors: a model file."
        ),
    ],
    sample: Annotated[
        Path | None, typer.Option(help="For the zoo: an image of the kind that the network is for.")
    ] = None,
    name: Annotated[
        str, typer.Option(help="For the zoo: what the network is called; by default as in its file.")
    ] = "",
    author: Annotated[
        list[str] | None, typer.Option(help="For the zoo: who made it; may be given again.")
    ] = None,
    license_: Annotated[
        str, typer.Option("--license", help="For the zoo, by its SPDX name, such as CC-BY-4.0.")
    ] = "",
    description: Annotated[str, typer.Option(help="For the zoo: what it finds, in a sentence.")] = "",
    cite: Annotated[
        list[str] | None, typer.Option(help="For the zoo: DOI of what should be cited; may be given again.")
    ] = None,
    notes: Annotated[
        Path | None,
        typer.Option(help="For the zoo: text file (Markdown) with what its users should know."),
    ] = None,
) -> None:
    """Write a network in another format; a package is what bioimageio.core and other programs of the zoo run."""
    if output.suffix.lower() not in ENDINGS:
        raise UserError(f"A network is written as {', '.join(ENDINGS)}; give {output} one of these endings.")
    from napari_unet.network.model_file import save_model
    from napari_unet.workflow.zoo.about import About, cited
    from napari_unet.workflow.zoo.onnx_file import write_onnx
    from napari_unet.workflow.zoo.package import write_package

    found = read_model(network)
    if output.suffix.lower() == ".onnx":
        write_onnx(found, output)
    elif output.suffix.lower() == ".safetensors":
        save_model(found, output)
    else:
        if sample is None:
            raise UserError(
                "A package holds a sample: give an image of the kind that the network is for with --sample."
            )
        image = read_image(sample)
        _, plane = next(planes(image.array, image.axes))
        plane = match_channels(plane, found.description.network.in_channels, sample.name)
        about = About(
            name or found.description.name,
            tuple(author or ()),
            license_,
            description,
            cited(cite or ()),
            "" if notes is None else _read_text(notes),
        )
        write_package(found, about, plane, output, image.pixel_size_um)
    typer.echo(str(output))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} could not be read as a text: {error}.") from error


def read_model(network: str) -> Model:
    """Read a network that can be trained on and written in other formats.

    Raises
    ------
    UserError
        If it can't be read, or is one that only segments.
    """
    from napari_unet.network.bundled import BUNDLED, load_bundled
    from napari_unet.workflow.zoo.reading import load_network

    return load_bundled() if network == BUNDLED else load_network(Path(network))
