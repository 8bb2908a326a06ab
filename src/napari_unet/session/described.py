"""A session's image and rounds in the words of a project's files, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue

from napari_unet.annotation.regions import Region
from napari_unet.project import (
    ImageDescription,
    KeptRound,
    OutcomeDocument,
    RoundDocument,
    TallyDocument,
    refer_to,
)
from napari_unet.session.image import ImageSource
from napari_unet.session.round_network import RoundNetwork
from napari_unet.session.rounds import Round

_LONGEST_NAME = 300


def describe_image(
    source: ImageSource, channels: Sequence[int], file: Path | None, project: Path
) -> ImageDescription:
    """Describe an image for a project; reads a few megabytes of its file.

    Raises
    ------
    UserError
        If the file cannot be read.
    """
    n = len(source.spatial_shape)
    scale = source.scale if all(math.isfinite(s) for s in source.scale) else ()
    return ImageDescription(
        name=source.name[:_LONGEST_NAME],
        axes=source.axes,
        shape=tuple(int(size) for size in source.data.shape),
        dtype=np.dtype(source.data.dtype).name,
        channel_axis=None if source.channel_axis is None else source.channel_axis % source.data.ndim,
        rgb=source.rgb,
        channels=tuple(channels),
        scale=scale if len(scale) == n else (),
        units=source.units if len(source.units) == n else (),
        pixel_size_um=source.pixel_size_um if scale else None,
        file=None if file is None else refer_to(file, project),
    )


def describe_round(
    done: Round, number: int, revisions: Mapping[str, int], trained_on: str = ""
) -> RoundDocument:
    """Describe a round under the number that it has in the project."""
    return RoundDocument(
        number=number,
        name=done.name[:_LONGEST_NAME],
        started=done.started,
        sentences=tuple(sentence[:2000] for sentence in done.sentences),
        revisions=dict(revisions),
        trained_on=trained_on,
        tallies=tuple(TallyDocument.of(each) for each in done.tallies),
        begun_anew=done.begun_anew,
        outcome=OutcomeDocument.of(done.outcome),
    )


def round_of(kept: KeptRound, load: bool) -> Round:
    """Return a round as the session knew it.

    Parameters
    ----------
    load
        Read its network, too; otherwise it is read when it is asked for.

    Raises
    ------
    UserError
        If the model file is missing or damaged, as far as it is read.
    """
    document, model = kept.document, kept.load() if load else None
    return Round(
        document.number,
        document.name,
        RoundNetwork(kept.describe() if model is None else model.description, model, kept),
        document.outcome.restored(),
        document.started,
        document.sentences,
        tallies=tuple(each.restored() for each in document.tallies),
        begun_anew=document.begun_anew,
    )


def regions_as_json(regions: Sequence[Region]) -> JsonValue:
    """Return regions as a project keeps them."""
    return [
        {
            "kind": region.kind,
            "vertices": np.asarray(region.vertices, float).tolist(),
            "plane": [int(i) for i in region.plane],
        }
        for region in regions
    ]


def regions_from_json(kept: Any) -> tuple[Region, ...]:
    """Return the regions; what is none any more (a file that somebody changed) is left out."""
    regions = []
    for one in kept if isinstance(kept, list) else ():
        try:
            vertices = np.array(one["vertices"], np.float64)
            kind, plane = one["kind"], tuple(int(i) for i in one["plane"])
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        sound = vertices.ndim == 2 and vertices.shape[1] == 2 and np.isfinite(vertices).all()
        if sound and kind in ("rectangle", "polygon"):
            regions.append(Region(kind, vertices, plane))
    return tuple(regions)
