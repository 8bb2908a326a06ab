"""``napari-unet train``: from images and labels to a model file."""

from __future__ import annotations

import math
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_unet.annotation.coding import Coding, LabelsAre, check_background
from napari_unet.cli.annotated import read_annotated
from napari_unet.cli.console import progress_bar, stop_on_interrupt, tell, tell_all
from napari_unet.cli.volumes import check_plane_distance, tell_of_distances
from napari_unet.errors import UserError

if TYPE_CHECKING:
    from napari_unet.network.model_file import Model
    from napari_unet.network.training import TrainingReport

SCRATCH, BUNDLED = "scratch", "bundled"


class Preset(StrEnum):
    """Networks to train."""

    LAPTOP = "laptop"
    RONNEBERGER2015 = "ronneberger2015"


class Seen(StrEnum):
    """How training images that differ are seen."""

    AUTO = "auto"
    AS_IN_TRAINING = "as-in-training"
    PER_IMAGE = "per-image"

    @property
    def setting(self) -> str:
        """The word of `TrainingSettings`."""
        return self.value.replace("-", " ")


def train(
    images: Annotated[list[Path], typer.Argument(help="Image files, folders or patterns.")],
    labels: Annotated[
        Path,
        typer.Option("--labels", help="Label image or ImageJ ROI zip of the same name, or their folder."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Model file to write (.safetensors).")],
    coding: Annotated[Coding, typer.Option(help="What 0 and 1 mean in the labels.")],
    labels_are: Annotated[
        LabelsAre, typer.Option(help="Whether values stand for single objects or classes.")
    ],
    background: Annotated[
        int | None,
        typer.Option(help="Which value is background; for the coding ilastik, where it may be any."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="bundled, scratch, or a model file to train on from; bundled for the laptop network.",
            show_default=False,
        ),
    ] = None,
    minutes: Annotated[float, typer.Option(help="Time to train.")] = 2.0,
    steps: Annotated[
        int | None, typer.Option(help="Steps to train instead: the same result each time.")
    ] = None,
    object_size: Annotated[
        float | None, typer.Option(help="Typical diameter in px; measured on the labels by default.")
    ] = None,
    magnification: Annotated[
        Seen, typer.Option(help="One scale for all images, or each at that of its own objects.")
    ] = Seen.AUTO,
    grey_range: Annotated[
        Seen, typer.Option(help="One grey range for all images, or each image's own.")
    ] = Seen.AUTO,
    preset: Annotated[Preset, typer.Option(help="The network.")] = Preset.LAPTOP,
    axes: Annotated[
        str | None,
        typer.Option(help="What the axes of the images are, such as ZYX, where the files don't say."),
    ] = None,
    volume: Annotated[
        bool,
        typer.Option("--3d", help="Learn from stacks: a plane is seen with those above and below it."),
    ] = False,
    plane_distance: Annotated[
        float | None,
        typer.Option(
            help="Distance of the planes in widths of a pixel, for --3d; as the files say by default."
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    cluster: Annotated[
        str | None,
        typer.Option(help="Scheduler of dask (tcp://…): a worker of it trains, one with a card first."),
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Processor threads.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed gives another, equally good training.")] = 0,
) -> None:
    """Train and write the model; Ctrl-C keeps the best network so far."""
    check_model_path(output)
    _check_numbers(minutes, steps, object_size, threads, seed)
    check_plane_distance(plane_distance)
    check_background(coding, background)

    from napari_unet.network.device import choose_device

    if cluster is None:
        choose_device(device)
    start = start or (BUNDLED if preset is Preset.LAPTOP else SCRATCH)
    first = _load_start(start, preset)
    annotated, rgb = read_annotated(images, labels, coding, labels_are, axes, plane_distance, background)
    if volume:
        tell_of_distances(annotated)

    from napari_unet.network.model_file import save_model
    from napari_unet.network.training import TrainingSettings
    from napari_unet.workflow import train_model
    from napari_unet.workflow.cluster import connected
    from napari_unet.workflow.cluster_training import train_on

    chosen = {"preset": preset.value, "steps": steps, "device": device, "threads": threads, "seed": seed}
    seen = {"magnification": magnification.setting, "grey_range": grey_range.setting}
    budget = {"minutes": None if steps else minutes, "dimensions": 3 if volume else 2}
    settings = TrainingSettings.model_validate({**chosen, **seen, **budget})
    with (
        connected(cluster) as workers,
        stop_on_interrupt() as should_stop,
        progress_bar(remaining=False) as progress,
    ):
        task = progress.add_task("Preparing", total=1.0)

        def report(now: TrainingReport) -> None:
            progress.update(task, completed=now.fraction, description=describe(now))
            if now.message:
                tell(now.message)

        train_there = train_model if workers is None else partial(train_on, workers, tell=tell)
        trained = train_there(
            annotated,
            settings,
            labels_are=labels_are,
            start=first,
            object_size=object_size,
            rgb=rgb,
            name=output.stem,
            on_report=report,
            should_stop=should_stop,
        )
    tell_all(trained.sentences)
    save_model(trained.model, output)
    outcome = trained.outcome
    typer.echo(f"{output}: {outcome.steps} steps in {outcome.seconds:.0f} s, {len(annotated)} image(s).")


def describe(report: TrainingReport) -> str:
    """Tell in half a line how a training stands."""
    parts = [f"step {report.step}", f"loss {report.loss:.3f}"]
    if report.held_out:
        parts += [f"{name} {value:.3f}" for name, value in list(report.held_out.items())[:1]]
    parts.append(f"{report.steps_per_second:.1f} steps/s")
    if report.seconds_left is not None and math.isfinite(report.seconds_left):
        minutes, seconds = divmod(round(report.seconds_left), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    return "  ".join(parts)


def check_model_path(path: Path) -> None:
    """Refuse, before any work, a path to which no model could be written."""
    if path.suffix != ".safetensors":
        raise UserError(f"A model file ends in .safetensors; write it to {path.with_suffix('.safetensors')}.")
    if path.is_dir():
        raise UserError(f"{path} is a folder; give the name of a file.")
    if not path.absolute().parent.is_dir():
        raise UserError(f"The folder {path.parent} for the model does not exist; make it first.")


def _check_numbers(
    minutes: float, steps: int | None, object_size: float | None, threads: int | None, seed: int
) -> None:
    numbers = {"--minutes": minutes, "--steps": steps, "--object-size": object_size, "--threads": threads}
    for option, value in numbers.items():
        if value is not None and not 0 < value < math.inf:
            raise UserError(f"{option} must be a number above 0; it is {value}.")
    if seed < 0:
        raise UserError(f"--seed must be at least 0; it is {seed}.")


def _load_start(start: str, preset: Preset) -> Model | None:
    if start == SCRATCH:
        return None
    if start == BUNDLED:
        if preset is not Preset.LAPTOP:
            raise UserError(
                f"The bundled network is not {preset.value}; take --start scratch or a model file."
            )
        from napari_unet.network.bundled import load_bundled

        return load_bundled()
    from napari_unet.network.model_file import load_model

    return load_model(Path(start))
