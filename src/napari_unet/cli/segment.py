"""``napari-unet segment``: label images of everything, with a trained network."""

from __future__ import annotations

from contextlib import nullcontext
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from numpy.typing import NDArray

from napari_unet.callbacks import never_stop
from napari_unet.cli.console import bytes_of, progress_bar, stop_on_interrupt, tell
from napari_unet.cli.stacks import Link, stack_settings
from napari_unet.errors import UserError
from napari_unet.formats.images import find_images
from napari_unet.formats.outputs import choose_outputs

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model
    from napari_unet.network.scaling import GreyMode
    from napari_unet.workflow.batch import Segmenter
    from napari_unet.workflow.batch_record import Done

KEEPING_BLOCKS = (
    "Stopping after what is being computed; what is done is kept. Press Ctrl-C again to leave at once."
)
KEEPING = "Stopping; what is segmented is kept, and the same command goes on from there."


class Average(StrEnum):
    """What predictions are averaged over."""

    NONE = "none"
    FLIPS = "flips"
    EIGHT = "eight"
    ROTATIONS7 = "rotations7"


class GreyRange(StrEnum):
    """How grey values reach the network."""

    AS_IN_TRAINING = "as-in-training"
    PER_IMAGE = "per-image"


GREY_MODES: dict[GreyRange, GreyMode] = {
    GreyRange.AS_IN_TRAINING: "as in training",
    GreyRange.PER_IMAGE: "per image",
}


def segment(
    images: Annotated[list[Path], typer.Argument(help="Image files, folders or patterns.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Label TIFF or .zarr to write; a folder for several images."),
    ],
    model: Annotated[
        str,
        typer.Option(
            "--model", help="Model file (.safetensors), package of the model zoo (.zip), or bundled."
        ),
    ] = "bundled",
    object_size: Annotated[
        float | None, typer.Option(help="Typical diameter in px, if it differs from the training images.")
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also write NAME_probabilities.tif (float32, CYX).")
    ] = False,
    rois: Annotated[bool, typer.Option("--rois", help="Also write NAME.zip: outlines for ImageJ.")] = False,
    table: Annotated[
        bool, typer.Option("--table", help="Also write NAME_objects.csv: the measurements of the objects.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Segment also files that were segmented before with the same settings."),
    ] = False,
    tile: Annotated[int | None, typer.Option(help="Edge of a tile in px; smaller needs less memory.")] = None,
    averaging: Annotated[
        Average, typer.Option(help="Average over flipped or rotated images: slower, better.")
    ] = Average.NONE,
    grey_range: Annotated[
        GreyRange | None,
        typer.Option(help="Grey range of the training images, or each image's own; as the model says."),
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(help="What the axes of the images are, such as TZYX, where the files don't say."),
    ] = None,
    link: Annotated[
        Link, typer.Option(help="Link planes into 3D objects (z), tracks (t), or 3D objects in time (zt).")
    ] = Link.NONE,
    least_overlap: Annotated[
        float | None,
        typer.Option(help="Part of the smaller object that two linked ones share; 0.5, in time 0.1."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    memory: Annotated[
        float | None,
        typer.Option(help="GB that one image may take; what needs more is segmented block by block."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Scheduler of dask (tcp://…) whose workers compute, block by block."),
    ] = None,
) -> None:
    """Segment every image and write a label image for each; what fails is named at the end.

    Of several images, those that an earlier run segmented in the same way are kept: a run that was stopped goes on.
    """
    if object_size is not None and not object_size > 0:
        raise UserError(f"--object-size must be above 0; it is {object_size}.")
    if tile is not None and tile < 1:
        raise UserError(f"--tile must be above 0; it is {tile}.")
    most = bytes_of(memory)
    stack = stack_settings(axes, link, least_overlap)
    found = find_images(images)
    ending = ".zarr" if output.suffix.lower() == ".zarr" else ".tif"
    targets = choose_outputs(images, found, output, ending, probabilities=probabilities)

    from napari_unet.network.bundled import BUNDLED, bundled_for, load_bundled
    from napari_unet.network.device import choose_device
    from napari_unet.workflow import segment_image, segment_volume
    from napari_unet.workflow.batch import word_for
    from napari_unet.workflow.batch_record import Wanted
    from napari_unet.workflow.cluster import connected
    from napari_unet.workflow.large_files import SegmenterOfAnySize
    from napari_unet.workflow.zoo.reading import load_network, read_foreign
    from napari_unet.workflow.zoo.segmenting import segmenter_of

    if cluster is None:
        choose_device(device)
    wanted = Wanted(probabilities, rois, table)
    foreign = read_foreign(model)
    if foreign is not None:
        if (object_size, tile, averaging, grey_range) != (None, None, Average.NONE, None):
            raise UserError(
                f"{model} is a network of another program: it takes no settings of ours; leave them out."
            )
        segment_files(list(zip(found, targets, strict=True)), segmenter_of(foreign, wanted), again)
        return
    network = load_bundled() if model == BUNDLED else load_network(Path(model))

    def network_for(image: NDArray[Any]) -> Model:
        return bundled_for(image.shape[0]) if model == BUNDLED else network

    how: dict[str, Any] = {
        "object_size": object_size,
        "averaging": averaging.value,
        "grey_range": GREY_MODES[grey_range] if grey_range else None,
        "device": device,
    }
    run = partial(segment_image, tile=tile, **how)
    run_volume = partial(segment_volume, tile=None if tile is None else (tile, tile, tile), **how)
    settings = dict(run.keywords, device="", stack=stack)  # where it is computed changes nothing
    with connected(cluster) as workers:
        segmenter = SegmenterOfAnySize(
            network_for, run, word_for(network, settings), wanted, stack=stack, run_volume=run_volume,
            settings=run.keywords, memory=most, cluster=workers, tell=tell,
        )  # fmt: skip
        if targets != [output]:
            targets = [segmenter.target_of(path, target) for path, target in zip(found, targets, strict=True)]
        segment_files(list(zip(found, targets, strict=True)), segmenter, again)


def segment_files(files: list[tuple[Path, Path]], segmenter: Segmenter, again: bool) -> None:
    """Segment one file, or many; tell what was found."""
    if len(files) == 1:
        _segment_one(*files[0], segmenter)
    else:
        _segment_many(files, segmenter, again)


def _segment_one(path: Path, target: Path, segmenter: Segmenter) -> None:
    from napari_unet.workflow.large_files import SegmenterOfAnySize

    large = isinstance(segmenter, SegmenterOfAnySize) and segmenter.in_parts(path, target) is not None
    with (
        stop_on_interrupt(KEEPING_BLOCKS) if large else nullcontext(never_stop) as stop,
        progress_bar() as progress,
    ):
        task = progress.add_task(path.name, total=1.0)

        def report(fraction: float, words: str) -> None:
            progress.update(task, completed=fraction, description=words or path.name)

        done = segmenter.segment_file(path, target, report, stop)
    _tell_done(done)


def _segment_many(files: list[tuple[Path, Path]], segmenter: Segmenter, again: bool) -> None:
    from napari_unet.workflow.batch import RESULTS, in_words, run_batch

    with stop_on_interrupt(KEEPING) as should_stop, progress_bar() as progress:
        task = progress.add_task("Segmenting", total=1.0)

        def report(fraction: float, words: str) -> None:
            progress.update(task, completed=fraction, description=words)

        all_done = run_batch(
            files, segmenter, again=again, on_done=_tell_done, on_progress=report, should_stop=should_stop
        )
    failed = [done for done in all_done if done.state == "failed"]
    if failed:
        for done in failed:
            tell(f"{done.path.name}: {' '.join(done.sentences)}")
        reasons = " ".join(f"{done.path.name}: {' '.join(done.sentences)}" for done in failed[:3])
        more = f" And {len(failed) - 3} more: see {RESULTS}." if len(failed) > 3 else ""
        raise UserError(f"{len(failed)} of {len(files)} images were not segmented. {reasons}{more}")
    tell(in_words(all_done, len(files)))
    if len(all_done) < len(files):
        raise typer.Exit(130)


def _tell_done(done: Done) -> None:
    if done.state != "failed":
        typer.echo(f"{done.target}: {done.found}{' (made before)' if done.state == 'kept' else ''}")
        for sentence in done.sentences:
            tell(f"{done.path.name}: {sentence}")
