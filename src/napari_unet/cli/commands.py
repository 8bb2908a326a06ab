"""The commands of ``napari-unet``, one file each."""

from __future__ import annotations

import logging

import typer

from napari_unet.cli import (
    doctor,
    evaluate,
    export,
    measure,
    methods,
    model,
    open_window,
    replay,
    report,
    segment,
    train,
    weights,
)
from napari_unet.cli.console import OneSentenceGroup

app = typer.Typer(
    cls=OneSentenceGroup,
    help="Paint a few cells, press Train, correct, train again. Without a command: opens napari.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("open", help="Open napari with the dock; the same as no command at all.")(open_window.open_window)
app.command("train", help="Train a network on images and what was painted on them.")(train.train)
app.command("segment", help="Segment images with a trained network.")(segment.segment)
app.command("evaluate", help="Measure how well a segmentation agrees with the truth.")(evaluate.evaluate)
app.command("measure", help="Measure the objects of label images, into one table.")(measure.measure)
app.command("export", help="Write objects for ImageJ, QuPath, OMERO or machine learning.")(
    export.export_objects
)
app.command("weights", help="Write the weight map that training uses for these labels.")(weights.weights)
app.command("model", help="Write a network as ONNX or for the BioImage Model Zoo, or read one from there.")(
    model.model
)
app.command("replay", help="Train the rounds of a project again, and compare bit for bit.")(replay.replay)
app.command("methods", help="Print text on a network for the methods section of a paper.")(methods.methods)
app.command("report", help="Gather what helps to find a problem into one file.")(report.report)
app.command("doctor", help="Show versions, device, window system and speed.")(doctor.doctor)


def main() -> None:
    """Run the command that the shell asks for."""
    try:
        app()
    except Exception:  # a bug: Python shows it in the terminal, the log keeps it for a report
        logging.getLogger("napari_unet").info("A bug:", exc_info=True)
        raise
