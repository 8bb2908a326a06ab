"""Train a model on painted images: everything between the brush and the model file."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import napari_unet
from napari_unet.annotation.coding import LabelsAre
from napari_unet.callbacks import ShouldStop, never_stop
from napari_unet.errors import Stopped, UserError
from napari_unet.network.held_out import HeldOutPlace, choose_held_out
from napari_unet.network.model_file import Model, ModelDescription
from napari_unet.network.training import TrainingOutcome, TrainingReport, TrainingSettings, train
from napari_unet.network.unet import UNet, UNetConfig, adapt, initialise, laptop, ronneberger2015
from napari_unet.objects.separate import SeparationSettings
from napari_unet.workflow.annotated import AnnotatedImage
from napari_unet.workflow.preparation import Prepared, prepare
from napari_unet.workflow.scoring import HeldOutScore, fit_objects

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
    """

    model: Model
    outcome: TrainingOutcome
    held_out: tuple[HeldOutPlace, ...]
    sentences: list[str] = field(default_factory=list)


def train_model(
    images: Sequence[AnnotatedImage],
    settings: TrainingSettings | None = None,
    *,
    labels_are: LabelsAre = LabelsAre.OBJECTS,
    class_names: Sequence[str] = (),
    start: Model | None = None,
    object_size: float | None = None,
    rgb: bool = False,
    channel_names: Sequence[str] = (),
    name: str = "model",
    on_report: OnReport = no_report,
    should_stop: ShouldStop = never_stop,
) -> TrainedModel:
    """Train a U-Net on what was painted.

    Parameters
    ----------
    images
        Planes with their annotation; those without any are left out.
    settings
        Budget, network, optimiser, weight map, augmentation, seed; the defaults train two minutes.
    labels_are
        Whether values ≥ 2 are objects or classes.
    start
        The model to start from; its lineage's held-out places stay held out. From scratch by default.
    object_size
        Typical diameter in px; measured on complete objects by default.
    rgb
        Whether the three channels are red, green and blue.

    Raises
    ------
    UserError
        When the annotation can't teach anything, or start and images do not fit.
    Stopped
        When asked to stop before the first step.
    """
    settings = settings or TrainingSettings()
    if start is not None and start.description.labels_are != labels_are:
        raise UserError(
            f"“{start.description.name}” was trained on {start.description.labels_are} and your annotation "
            f"holds {labels_are}; start from scratch or from another model."
        )
    prepared = prepare(
        images,
        labels_are,
        class_names,
        settings.weight_map,
        start=start.description if start else None,
        object_size=object_size,
    )
    network, config = _network(prepared, settings, labels_are, start)
    places, sentences = _held_out(prepared, start, settings.seed)
    inside = [p for place in places for p in _at_network_scale(prepared, place)]
    score = HeldOutScore(prepared.images, inside, labels_are) if inside else None
    if should_stop():
        raise Stopped
    outcome = train(
        prepared.images,
        network,
        settings,
        held_out=inside,
        evaluate=score,
        rgb=rgb,
        on_report=on_report,
        should_stop=should_stop,
    )
    network.load_state_dict(outcome.state)
    network.eval()
    separation = fit_objects(
        network,
        prepared.images,
        inside,
        labels_are,
        prepared.object_size * prepared.scale if prepared.object_size else None,
    )
    description = _describe(
        name, config, prepared, settings, labels_are, class_names, channel_names, rgb, separation, start
    )
    description = description.model_copy(update={"training": _provenance(settings, outcome, places, start)})
    sentences = [s for s in (outcome.sentence, *sentences) if s]
    return TrainedModel(Model(description, network), outcome, tuple(places), sentences)


def _network(
    prepared: Prepared, settings: TrainingSettings, labels_are: LabelsAre, start: Model | None
) -> tuple[UNet, UNetConfig]:
    in_channels = int(prepared.images[0].image.shape[0])
    if start is not None:
        config = start.description.network.model_copy(
            update={"in_channels": in_channels, "classes": prepared.n_classes}
        )
        network = UNet(config)
        initialise(network, settings.seed)
        network.load_state_dict(
            adapt(start.network.state_dict(), start.description.network, config, network.state_dict())
        )
        return network, config
    if settings.preset == "ronneberger2015":
        config = ronneberger2015(in_channels, prepared.n_classes)
    else:
        config = laptop(in_channels, prepared.n_classes, distance=labels_are is LabelsAre.OBJECTS)
    overrides = {
        key: value
        for key, value in (("width", settings.width), ("depth", settings.depth))
        if value is not None
    }
    config = UNetConfig.model_validate(config.model_dump() | overrides)
    network = UNet(config)
    initialise(network, settings.seed)
    return network, config


def _held_out(prepared: Prepared, start: Model | None, seed: int) -> tuple[list[HeldOutPlace], list[str]]:
    """Return the lineage's places in px of the whole images, and what there is to say about them.

    A lineage that had too little to hold anything out chooses later: everything it trained on stays unusable as
    a test, so places are then chosen in images and blocks that the lineage has not seen, of which it can't know;
    it says so instead and holds nothing out until a round starts from scratch.
    """
    if start is not None:
        training = start.description.training
        stored = training.get("held_out") or []
        if stored or training.get("lineage"):
            places = [HeldOutPlace(str(p["image"]), tuple(p["box"])) for p in stored]  # type: ignore[index,call-overload]
            said = (
                "" if places else "This lineage holds nothing out: start from scratch to get an honest score."
            )
            return places, [said] if said else []
    places, sentence = choose_held_out(prepared.images, seed)
    frames = {frame.name: frame for frame in prepared.frames}
    return [frames[place.image].to_image(place) for place in places], [sentence] if sentence else []


def _at_network_scale(prepared: Prepared, place: HeldOutPlace) -> list[HeldOutPlace]:
    inside = [frame.from_image(place) for frame in prepared.frames if frame.name == place.image]
    return [place for place in inside if place is not None]


def _describe(
    name: str,
    config: UNetConfig,
    prepared: Prepared,
    settings: TrainingSettings,
    labels_are: LabelsAre,
    class_names: Sequence[str],
    channel_names: Sequence[str],
    rgb: bool,
    separation: SeparationSettings,
    start: Model | None,
) -> ModelDescription:
    size = prepared.object_size
    network_size = size * prepared.scale if size else (start.description.object_size if start else 0.0)
    return ModelDescription(
        name=name,
        network=config,
        channel_names=tuple(channel_names),
        rgb=rgb,
        normalisation=prepared.normalisation,
        object_size=network_size,
        object_size_image=size,
        object_size_um=size * prepared.pixel_size_um if size and prepared.pixel_size_um else None,
        scale=prepared.scale,
        labels_are=str(labels_are),
        class_names=tuple(class_names),
        separation=separation.model_dump(mode="json"),
        training={},
    )


def _provenance(
    settings: TrainingSettings,
    outcome: TrainingOutcome,
    places: Sequence[HeldOutPlace],
    start: Model | None,
) -> dict[str, Any]:
    import torch

    before = start.description.training if start else {}
    return {
        "lineage": before.get("lineage") or uuid.uuid4().hex,
        "started_from": start.description.name if start else "scratch",
        "settings": settings.model_dump(mode="json"),
        "steps": outcome.steps,
        "best_step": outcome.best_step,
        "seconds": round(outcome.seconds, 1),
        "threads": torch.get_num_threads(),
        "scores": {key: round(float(value), 4) for key, value in (outcome.held_out or {}).items()},
        "held_out": [{"image": place.image, "box": [int(v) for v in place.box]} for place in places],
        "versions": {
            "napari-unet": napari_unet.__version__,
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
    }
