"""Train a model on painted images: everything between the brush and the model file."""

from __future__ import annotations

import logging
import math
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import torch

import napari_unet
from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.errors import Stopped, UserError
from napari_unet.network.bundled import is_bundled
from napari_unet.network.held_out import HeldOutPlace
from napari_unet.network.model_file import Model, ModelDescription, Provenance
from napari_unet.network.record import TrainingRecord
from napari_unet.network.scaling import TARGET_SIZE
from napari_unet.network.training import TrainingOutcome, TrainingReport, TrainingSettings, train
from napari_unet.network.unet import UNetConfig
from napari_unet.objects.separate import SeparationSettings, SplitMethod
from napari_unet.objects.tally import Tally
from napari_unet.workflow.annotated import AnnotatedImage, count_annotation
from napari_unet.workflow.columns import spared_at_network_scale
from napari_unet.workflow.honest import tally_held_out
from napari_unet.workflow.lineage import Lineage, at_network_scale, continue_lineage, stored
from napari_unet.workflow.near_start import keep_near_start
from napari_unet.workflow.preparation import Prepared, prepare
from napari_unet.workflow.scoring import HeldOutScore, fit_objects
from napari_unet.workflow.starting import check_start, make_network
from napari_unet.workflow.volumes import prepare_volumes, stack_name

FIT_AFTER_STOP = 0.5
"""Seconds for fitting how objects are made when the user is waiting for a stop."""
COUNT_AFTER_STOP = 0.1
"""Seconds for counting what is found in held-out places then."""

_log = logging.getLogger("napari_unet")

OnReport = Callable[[TrainingReport], None]


def no_report(report: TrainingReport) -> None:
    """Take a report and do nothing with it."""


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """What a training leaves behind.

    Attributes
    ----------
    model
        Ready to segment and to save.
    outcome
        Curves, steps, seconds, scores.
    held_out
        Places, in px of the whole images, that no patch of this lineage trained on.
    sentences
        What the user should know, most important first.
    tallies
        What was found in the held-out places, place by place.
    begun_anew
        SHA-256 of the bundled weights, where a start from them did better than going on and was kept.
    """

    model: Model
    outcome: TrainingOutcome
    held_out: tuple[HeldOutPlace, ...]
    sentences: list[str] = field(default_factory=list)
    tallies: tuple[Tally, ...] = ()
    begun_anew: str = ""


def train_model(
    images: Sequence[AnnotatedImage],
    settings: TrainingSettings | None = None,
    *,
    labels_are: LabelsAre = LabelsAre.OBJECTS,
    class_names: Sequence[str] = (),
    start: Model | None = None,
    continues: Model | None = None,
    object_size: float | None = None,
    rgb: bool = False,
    channel_names: Sequence[str] = (),
    name: str = "model",
    on_report: OnReport = no_report,
    should_stop: ShouldStop = never_stop,
    record: TrainingRecord | None = None,
) -> TrainedModel:
    """Train a U-Net on what was painted.

    Parameters
    ----------
    images
        Planes with their annotation; those without any are left out. For a network of volumes
        (``settings.dimensions`` of 3) they tell which stack they are of.
    settings
        Planes or volumes, budget, network, optimiser, weight map, augmentation, seed; the defaults train two minutes.
    labels_are
        Whether values ≥ 2 are objects or classes.
    start
        The model to start from; its lineage's held-out places stay held out. From scratch by default.
    continues
        The model whose held-out places, scale and grey range are kept where the weights begin anew; `start` by default.
    object_size
        Typical diameter in px; measured on complete objects by default.
    rgb
        Whether the three channels are red, green and blue.
    record
        Of a training to be done again, step by step.

    Raises
    ------
    UserError
        When the annotation can't teach anything, or start and images do not fit.
    Stopped
        When asked to stop before the first step.
    """
    settings = settings or TrainingSettings()
    _log.info(
        "Training begins: %d image(s), from %s, %s.",
        len(images),
        start.description.name if start else "scratch",
        settings.model_dump_json(exclude_defaults=True),
    )
    before = _lineage_goes_on_from(continues if continues is not None else start, labels_are)
    check_start(start, settings)
    prepared = (prepare_volumes if settings.dimensions == 3 else prepare)(
        images,
        labels_are,
        class_names,
        settings.weight_map,
        start=before.description if before else None,
        object_size=object_size,
        grey_range=settings.grey_range,
        magnification=settings.magnification,
    )
    network, warm = make_network(prepared, settings, labels_are, start)
    config = network.config
    lineage, about_held_out = _hold_out(before, prepared, images, settings)
    inside = at_network_scale(prepared, lineage.held_out)
    spared = spared_at_network_scale(prepared, lineage.held_out)
    score = HeldOutScore(prepared.images, inside, labels_are, should_stop) if inside else None
    if should_stop():
        raise Stopped
    begun_with = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    outcome = train(
        prepared.images,
        network,
        settings,
        held_out=spared,
        evaluate=score,
        rgb=rgb,
        warm=warm,
        on_report=on_report,
        should_stop=should_stop,
        record=record,
    )
    stopped = record.stopped if record is not None else outcome.stopped
    if score is not None and not stopped and _is_bundle_as_it_is(start, config):
        outcome = keep_near_start(network.eval(), begun_with, outcome, score)
    network.load_state_dict(outcome.state)
    network.eval()
    separation = fit_objects(
        network,
        prepared.images,
        spared,
        labels_are,
        _network_size(prepared),
        seconds=FIT_AFTER_STOP if outcome.stopped else math.inf,
        start=known_separation(start, config),
    )
    seconds = COUNT_AFTER_STOP if outcome.stopped else math.inf
    tallies = tally_held_out(network, prepared.images, inside, labels_are, separation, seconds)
    description = ModelDescription(
        name=name,
        network=config,
        axes="CZYX" if settings.dimensions == 3 else "CYX",
        plane_step=prepared.plane_step,
        channel_names=tuple(channel_names),
        rgb=rgb,
        normalisation=prepared.normalisation,
        labels_are=labels_are.value,
        class_names=names_of_classes(class_names, prepared.n_classes),
        separation=separation.model_dump(mode="json"),
        training=provenance_of(settings, outcome, lineage, images, labels_are, before, start),
        **sizes_of(prepared, before),
    )
    sentences = [s for s in (outcome.sentence, about_held_out) if s]
    _log.info("Training ends on %s. %s", outcome.device, " ".join(sentences))
    return TrainedModel(Model(description, network), outcome, lineage.held_out, sentences, tallies)


def _lineage_goes_on_from(known: Model | None, labels_are: LabelsAre) -> Model | None:
    """Return the model whose sizes, grey range and held-out places are kept; ``None`` where they begin."""
    if known is None or is_bundled(known.description):  # the bundled network knows nothing of these images
        return None
    if known.description.labels_are != labels_are:
        raise UserError(
            f"“{known.description.name}” was trained on {known.description.labels_are} and your annotation "
            f"holds {labels_are}; start from scratch or from another model."
        )
    return known


def _hold_out(
    before: Model | None, prepared: Prepared, images: Sequence[AnnotatedImage], settings: TrainingSettings
) -> tuple[Lineage, str]:
    """Return the lineage with the places that nothing trains on, and what there is to say about them."""
    so_far = Lineage.of(before.description.training) if before else Lineage()
    if settings.dimensions == 3:
        so_far = so_far.through_planes({image.name: stack_name(image) for image in images})
    return continue_lineage(so_far, prepared, settings.seed)


def versions() -> dict[str, str]:
    """Return the versions of all that has a say in the weights, and of napari where it is the window."""
    window = {"napari": _version_of("napari")} if "napari" in sys.modules else {}
    return {
        "napari-unet": napari_unet.__version__,
        "torch": str(torch.__version__),
        **{name: _version_of(name) for name in ("numpy", "scipy", "scikit-image")},
        **window,
    }


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # put there without an installer
        return ""


def _is_bundle_as_it_is(start: Model | None, config: UNetConfig) -> bool:
    """Tell whether a training began with bundled weights, and none of a layer that is new."""
    if start is None or not is_bundled(start.description):
        return False
    return config == start.description.network.model_copy(update={"distance": config.distance})


def known_separation(start: Model | None, config: UNetConfig) -> SeparationSettings | None:
    """Return how the start makes objects, if its network can still do so."""
    if start is None or start.description.labels_are != LabelsAre.OBJECTS.value:
        return None
    settings = SeparationSettings.model_validate(start.description.separation)
    if settings.method is SplitMethod.LEARNED and not config.distance:
        return None
    return settings


def sizes_of(prepared: Prepared, start: Model | None) -> dict[str, Any]:
    """Return what a description says about sizes."""
    size, scale = prepared.object_size, prepared.scale
    inherited = start.description.object_size if start else TARGET_SIZE
    return {
        "object_size": _network_size(prepared) or inherited,
        "magnification": "per image" if prepared.own_size else "as in training",
        "object_size_image": size,
        "object_size_um": size * prepared.pixel_size_um if size and prepared.pixel_size_um else None,
        "scale": scale,
    }


def _network_size(prepared: Prepared) -> float | None:
    """Return the typical diameter in px at the network's scale."""
    if prepared.own_size:
        return TARGET_SIZE
    return prepared.object_size * prepared.scale if prepared.object_size else None


def names_of_classes(names: Sequence[str], n_classes: int) -> tuple[str, ...]:
    """Return one name per class, background first; none where none was given."""
    if not names:
        return ()
    missing = (f"class {k}" for k in range(len(names) + 1, n_classes))
    return ("background", *names, *missing)[:n_classes]


def provenance_of(
    settings: TrainingSettings,
    outcome: TrainingOutcome,
    lineage: Lineage,
    images: Sequence[AnnotatedImage],
    labels_are: LabelsAre,
    before: Model | None,
    start: Model | None,
) -> Provenance:
    lineage_name = before.description.training.lineage if before else ""
    return Provenance(
        lineage=lineage_name or uuid.uuid4().hex,
        started_from=start.description.name if start else "scratch",
        seed=settings.seed,
        steps=outcome.steps,
        minutes=outcome.seconds / 60,
        threads=outcome.threads,
        device=outcome.device,
        versions=versions(),
        images=tuple(image.name for image in images),
        annotated=count_annotation(images, labels_are),
        settings=settings.model_dump(mode="json"),
        held_out=stored(lineage.held_out),
        trained=stored(lineage.trained),
        scores={key: float(value) for key, value in (outcome.held_out or {}).items()},
    )
